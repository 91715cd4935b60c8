"""Series stay few, whatever names callers make up."""

import time
from typing import cast

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.limits.limit import NOTHING
from quorum_mcp.calls.metrics import MOST_MODELS, OTHER, CallMetrics
from quorum_mcp.calls.queue import Queue
from quorum_mcp.calls.record import Bill, State
from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ProviderModelMissing
from quorum_mcp.messages import ModelRequest, Text
from quorum_mcp.observe.instruments import SECONDS, Counter, Histogram, Labels
from quorum_mcp.observe.metrics import Metrics
from quorum_mcp.providers.registry import Registry

NAMES = 10_000
LAB = ProviderSettings(wire="openai", base_url="http://127.0.0.1:9/v1", model="alpha")
BILL = Bill(Usage(input=3, output=4), 5, estimated=False, source="settings")


def counted(*, answered: bool) -> Metrics:
    """The metrics of one call for each of 10,000 made-up names."""
    registry = Registry(Settings(providers={"lab": LAB}, ollama_enable=False))
    metrics = Metrics()
    watcher = CallMetrics(metrics, registry)
    for number in range(NAMES):
        target = registry.resolve(f"lab/made-up-{number}")
        call = Call(model=target.name, request=ModelRequest("", ()), deadline=time.monotonic() + 60)
        state = State(call, first=target)
        state.last, state.attempts = target, 1
        attempt = state.attempt(target, cast("Queue", None), NOTHING)
        attempt.first_token = 0.1
        if answered:
            state.succeed(attempt, Answer((Text("4"),), "stop", BILL.usage, target.model), BILL)
        else:
            state.error = ProviderModelMissing("no such model")
        watcher.attempted(attempt, BILL, state.error)
        watcher.finished(state)
    return metrics


def values(counter: Counter) -> dict[Labels, float]:
    """The sums of a counter that are shown."""
    return {labels: count.value for labels, count in counter.values.items() if count.value}


def series(metrics: Metrics) -> dict[str, int]:
    """How many are shown of each metric."""
    return {
        one.name: len(values(one))
        if isinstance(one, Counter)
        else sum(any(c.buckets) for c in one.values.values())
        for one in metrics.counted
    }


def test_names_that_nobody_knows_share_one_series() -> None:
    metrics = counted(answered=False)
    assert max(series(metrics).values()) <= 2, series(metrics)
    assert values(metrics.calls) == {("lab", OTHER, "provider_model_missing"): NAMES}
    assert values(metrics.tokens) == {
        (f"lab/{OTHER}", "input"): 3 * NAMES,
        (f"lab/{OTHER}", "output"): 4 * NAMES,
    }


def test_even_a_provider_that_answers_to_every_name_has_few() -> None:
    metrics = counted(answered=True)
    assert max(series(metrics).values()) <= 2 * (MOST_MODELS + 1), series(metrics)
    assert sum(values(metrics.calls).values()) == NAMES
    assert values(metrics.calls)["lab", OTHER, "ok"] == NAMES - MOST_MODELS


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram("seconds", (), "")
    for value in (0.0, SECONDS[0], SECONDS[0] * 1.01, SECONDS[-1], SECONDS[-1] + 1):
        histogram.observe((), value)
    buckets = histogram.values[()].buckets
    assert (buckets[0], buckets[1], buckets[-2], buckets[-1]) == (2, 1, 1, 1)
    assert sum(buckets) == 5
