"""What sums and histograms say about a provider or a model. Times are seconds, amounts USD."""

from collections.abc import Mapping
from typing import Final

from quorum_mcp import money
from quorum_mcp.store.figures import Sums
from quorum_mcp.store.histograms import percentile

ENOUGH: Final = 20
"""Calls under which a percentile is a guess, and a model has no place in a ranking."""

SUMMARY: Final = ("calls", "cached", "ok", "faults", "cost", "latency_ms")
"""The figures that a summary is made of."""
USAGE: Final = ("calls", "cached", "ok", "failed", "input_tokens", "output_tokens", "cost", "priced")
"""The figures of what was used."""


def mean_latency(sums: Sums) -> float | None:
    """Seconds from the start of a call to its end, our own waiting and retries included."""
    return round(sums.latency_ms / sums.answered / 1000, 4) if sums.answered else None


def success_rate(sums: Sums) -> float | None:
    """Calls that a provider answered, among those and the ones that failed through its own fault; 0 to 1."""
    judged = sums.answered + sums.faults
    return round(sums.answered / judged, 4) if judged else None


def throughput(sums: Sums) -> float | None:
    """Output tokens a second, from the first piece of an answer to its end."""
    return round(sums.generated_tokens * 1000 / sums.generation_ms, 2) if sums.generation_ms else None


def cost_per_1k_tokens(sums: Sums) -> float | None:
    """USD for a thousand tokens, input and output together, over the calls whose cost is known."""
    return round(money.to_usd(sums.cost) * 1000 / sums.priced_tokens, 9) if sums.priced_tokens else None


def seconds(counts: Mapping[int, int], share: float) -> float | None:
    """A percentile of a histogram of milliseconds; None where there are not enough values."""
    if sum(counts.values()) < ENOUGH:
        return None
    value = percentile(counts, share)
    return None if value is None else round(value / 1000, 6)
