"""How long each provider's last calls took."""

from pydantic import BaseModel, Field

from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.call_stats import CallStats, Took
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.journal import Journal

OPERATOR = "local"
"""The tenant of whoever runs this Quorum."""


class PastCall(BaseModel):
    """One call."""

    at: str = Field(description="When it began, ISO 8601 in UTC.")
    seconds: float | None = Field(description="How long it took; null where it is not known.")
    ok: bool = Field(description="Whether it ended with an answer.")


class Latencies(BaseModel):
    """The last calls of each provider that can be asked; those only that say something about the provider."""

    providers: dict[str, list[PastCall]] = Field(
        description="By provider: at most 100 calls, the oldest first. Only the caller's own; the operator sees everybody's."
    )


async def latencies(ctx: Context, _: Empty) -> Latencies:
    """The last 100 calls of each provider."""
    who = ctx.principal
    tenant = None if who.tenant == OPERATOR and "admin" in who.scopes else who.tenant
    await ctx.get(Journal).flush()
    found = await ctx.get(CallStats).recent(list(ctx.get(Registry).providers), tenant)
    return Latencies(providers={name: [_past(one) for one in took] for name, took in found.items()})


def _past(took: Took) -> PastCall:
    seconds = None if took.latency_ms is None else took.latency_ms / 1000
    return PastCall(at=stamp(took.at / MICROSECONDS), seconds=seconds, ok=took.ok)


OPERATIONS = [
    Operation("providers.latencies", "How long each provider's last 100 calls took.", latencies, Empty, Latencies,
              http=Http("GET", "/api/providers/latencies")),
]  # fmt: skip
