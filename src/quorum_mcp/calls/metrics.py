"""What calls add to the metrics, and what their parts show when somebody looks."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.budgets.standing import standings
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.calls.record import Attempt, Bill, State
from quorum_mcp.errors import ModelNotFound, QuorumError
from quorum_mcp.money import NANOS_PER_USD
from quorum_mcp.observe.instruments import Cells, Count
from quorum_mcp.observe.metrics import UNCLASSIFIED, Metrics, Reading, Source
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.journal import Journal

MOST_MODELS = 300
"""Models that have series of their own; any further one is counted as its provider's `other`."""
OTHER = "other"
STATES = {"closed": 0, "half-open": 1, "open": 2}


class _Series:
    """What is counted of one model with nearly every call of it, and its label values for the rest."""

    __slots__ = (
        "answered",
        "calls",
        "cost",
        "first_token",
        "input",
        "model",
        "output",
        "provider",
        "seconds",
    )

    def __init__(self, metrics: Metrics, provider: str, model: str) -> None:
        self.provider = (provider,)
        self.model = (provider, model)
        name = f"{provider}/{model}"
        self.answered = metrics.attempts.of((provider, model, "ok"))
        self.calls = metrics.calls.of((provider, model, "ok"))
        self.input = metrics.tokens.of((name, "input"))
        self.output = metrics.tokens.of((name, "output"))
        self.cost = metrics.cost.of((name,))
        self.first_token = metrics.first_token.of(self.model)
        self.seconds = metrics.call_seconds.of(self.model)


class CallMetrics:
    """A watcher of the pipeline that counts attempts and calls.

    A model has series of its own if the settings name it, its provider lists it, or it has answered: a name
    that somebody made up is counted as `other`.
    """

    def __init__(self, metrics: Metrics, registry: Registry) -> None:
        self._metrics = metrics
        self._registry = registry
        self._written = frozenset(_written(registry))
        self._series: dict[str, _Series] = {}
        self._others: dict[str, _Series] = {}
        self._nobody = _Series(metrics, "none", "none")
        self._questions: dict[str, tuple[Count, Cells]] = {}

    def attempted(self, attempt: Attempt, bill: Bill, error: BaseException | None) -> None:
        """Count one request to a provider, its tokens and what it cost."""
        series = self._series.get(attempt.target.name) or self._of(attempt.target, answered=error is None)
        if error is None:
            series.answered.value += 1
        else:
            self._metrics.attempts.add((*series.model, _word(error)))
        if attempt.n > 1:
            self._metrics.retries.add(series.provider)
        if attempt.first_token is not None:
            series.first_token.observe(attempt.first_token)
        series.input.value += bill.usage.input
        series.output.value += bill.usage.output
        if bill.cost:
            series.cost.value += bill.cost / NANOS_PER_USD

    def finished(self, state: State) -> None:
        """Count one call; one that belongs to no session is a question of its own."""
        metrics, result, seconds = self._metrics, state.result, time.monotonic() - state.began
        target = state.last or state.first
        series = self._nobody
        if target is not None:
            series = self._series.get(target.name) or self._of(target, answered=result is not None)
        if result is not None and state.attempts:
            series.calls.value += 1
        else:
            status = (
                "cached" if result is not None else "cancelled" if state.error is None else state.error.code
            )
            metrics.calls.add((*series.model, status))
        if result is not None and target is not state.first:
            metrics.fallbacks.add(series.model)
        series.seconds.observe(seconds)
        if state.call.run_id is None:
            questions, lasted = self._questions.get(state.call.role) or self._asked(state.call.role)
            questions.value += 1
            lasted.observe(seconds)

    def counts(self, name: str) -> bool:
        """Whether the model has series of its own."""
        return name in self._series

    def _asked(self, role: str) -> tuple[Count, Cells]:
        """The counts of questions of their own; roles are words of ours."""
        metrics = self._metrics
        found = metrics.requests.of((role, UNCLASSIFIED)), metrics.request_seconds.of((role,))
        self._questions[role] = found
        return found

    def _of(self, target: Target, *, answered: bool) -> _Series:
        """The series of a model that had none of its own yet."""
        name, provider = target.name, target.provider.name
        exists = answered or name in self._written or target.model in self._registry.known(provider)
        if exists and len(self._series) < MOST_MODELS:
            series = self._series[name] = _Series(self._metrics, provider, target.model)
            return series
        if provider not in self._others:
            self._others[provider] = _Series(self._metrics, provider, OTHER)
        return self._others[provider]


def _written(registry: Registry) -> Iterator[str]:
    """The models that the settings name."""
    settings = registry.settings
    named = [*settings.models, *settings.fallbacks]
    named += chain.from_iterable([*settings.fallbacks.values(), *settings.panels.values()])
    for name in named:
        with suppress(ModelNotFound):
            yield registry.resolve(name).name


def _word(error: BaseException) -> str:
    if isinstance(error, QuorumError):
        return error.code
    return "cancelled" if isinstance(error, (asyncio.CancelledError, GeneratorExit)) else "crashed"


class CallGauges:
    """Breakers, queues and rates as they stand: a source of the metrics."""

    def __init__(self, calls: Calls, registry: Registry, counted: CallMetrics) -> None:
        self._calls = calls
        self._registry = registry
        self._counted = counted

    async def __call__(self) -> Iterable[Reading]:
        """Their readings."""
        found: list[Reading] = []
        for provider in self._registry.providers:
            found += self._breakers(provider)
            left = self._calls.limits.left(provider)
            for kind, available in zip(("requests", "tokens"), left, strict=True):
                if available is not None:
                    found.append(("quorum_rate_limit_available", (provider, kind), available))
        waiting, active = Counter[str](), Counter[str]()
        for endpoint, queue in self._calls.queues.states().items():
            provider = endpoint.partition("@")[0]  # its deployments together
            waiting[provider] += queue.waiting
            active[provider] += queue.taken
        found += [("quorum_queue_depth", (provider,), calls) for provider, calls in waiting.items()]
        found += [("quorum_calls_active", (provider,), calls) for provider, calls in active.items()]
        if (rate := self._calls.cache.stats().hit_rate) is not None:
            found.append(("orchestrator_cache_hit_rate", (), rate))
        return found

    def _breakers(self, provider: str) -> Iterator[Reading]:
        """The breakers of a provider's models; of those without series of their own, the worst."""
        states: dict[str, int] = {}
        for view in self._calls.breaker.views(provider):
            model = view.model if self._counted.counts(f"{provider}/{view.model}") else OTHER
            states[model] = max(states.get(model, 0), STATES[view.state])
        for model, state in states.items():
            yield "quorum_breaker_state", (provider, model), state


def journal_gauge(journal: Journal) -> Source:
    """A source of the metrics: the records that are not in the database yet."""

    async def read() -> Iterable[Reading]:
        return [("quorum_journal_waiting", (), journal.waiting)]

    return read


def budget_gauges(budgets: Budgets) -> Source:
    """A source of the metrics: how much is spent of the operator's budgets."""

    async def read() -> Iterable[Reading]:
        found = await standings(budgets, lambda one: one.tenant is None and one.key_id is None)
        return [
            (
                "quorum_budget_spent_ratio",
                (one.budget.id, one.budget.period, one.budget.provider or "all"),
                one.state.spent / one.budget.amount,
            )
            for one in found
        ]

    return read
