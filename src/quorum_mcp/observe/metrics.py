"""Everything that `/metrics` shows: what is counted as it happens, and what is looked at when somebody asks.

No label takes a text of a caller: providers and models are those that exist, the rest are words of ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.observe.instruments import Counter, Histogram, Instrument, Labels

Reading = tuple[str, Labels, float]
"""A gauge's name, its label values and its value now."""
Source = Callable[[], Awaitable[Iterable[Reading]]]

SOURCE_SECONDS = 2.0
"""How long a source may take: whoever scrapes does not wait for a database that is away."""
UNCLASSIFIED = "unknown"
"""The complexity of a question that nothing has classified."""
MODEL = ("provider", "model")

GAUGES = {
    gauge.name: gauge
    for gauge in (
        Instrument(
            "orchestrator_cache_hit_rate",
            (),
            "Share of cacheable calls that the cache answered since the process began.",
        ),
        Instrument(
            "quorum_breaker_state", MODEL,
            "The breaker of a model that was asked: 0 closed, 1 half-open, 2 open.",
        ),
        Instrument(
            "quorum_rate_limit_available", ("provider", "kind"), "Requests and tokens that may be used now."
        ),
        Instrument(
            "quorum_budget_spent_ratio", ("budget", "period", "provider"),
            "Spent share of a budget in its present period; those of organisations and keys are not shown.",
        ),
        Instrument("quorum_queue_depth", ("provider",), "Calls that wait for one of a provider's places."),
        Instrument("quorum_calls_active", ("provider",), "Places of a provider that calls hold now."),
        Instrument("quorum_runs_open", (), "Sessions that this process is carrying out."),
        Instrument("quorum_journal_waiting", (), "Usage records that are in the journal only, not yet in the database."),
    )
}  # fmt: skip
"""Read when they are asked for."""


class Metrics:
    """This process's metrics; `sources` give the gauges."""

    def __init__(self) -> None:
        self.requests = Counter(
            "orchestrator_requests",
            ("intent", "complexity"),
            "Questions that were dealt with: sessions by mode, single calls by role.",
        )
        self.request_seconds = Histogram(
            "orchestrator_request_duration_seconds", ("intent",), "From a question to its answer."
        )
        self.turns = Counter("quorum_turns", ("status",), "Turns of sessions by how they ended.")
        self.tokens = Counter("orchestrator_tokens", ("model", "direction"), "Tokens by model, in and out.")
        self.cost = Counter(
            "orchestrator_cost_usd", ("model",), "What models cost where their price is known, USD."
        )
        self.calls = Counter(
            "quorum_calls",
            (*MODEL, "status"),
            "Calls by how they ended: ok, cached, cancelled or an error's code. Their attempts are not counted here.",
        )
        self.call_seconds = Histogram(
            "quorum_call_duration_seconds", MODEL, "From a call's start to its end."
        )
        self.first_token = Histogram(
            "quorum_call_first_token_seconds",
            MODEL,
            "From sending a request to the first piece of its answer.",
        )
        self.attempts = Counter("quorum_attempts", (*MODEL, "status"), "Requests that left for a provider.")
        self.retries = Counter("quorum_retries", ("provider",), "Attempts after the first one of a call.")
        self.fallbacks = Counter(
            "quorum_fallbacks", MODEL, "Calls that another model than the one asked for answered, by who did."
        )
        self.http = Counter(
            "quorum_http_requests", ("route", "method", "status"), "HTTP requests by route and status."
        )
        self.http_seconds = Histogram(
            "quorum_http_request_duration_seconds", ("route",), "From a request to the end of its answer."
        )
        self.sources: list[Source] = []

    @property
    def counted(self) -> tuple[Counter | Histogram, ...]:
        """All that is counted as it happens."""
        return tuple(one for one in vars(self).values() if isinstance(one, (Counter, Histogram)))

    async def readings(self) -> list[Reading]:
        """The gauges now. Those of a source that cannot tell, or not in time, are absent."""
        found: list[Reading] = []
        for source in self.sources:
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(SOURCE_SECONDS):
                    found += await source()
        return found
