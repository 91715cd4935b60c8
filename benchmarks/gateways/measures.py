"""Runs of the driver against all gateways in turn, and the medians of them."""

import statistics
import sys
from dataclasses import dataclass, field

from gateways.gateways import body
from gateways.running import Running
from gateways.upstreams import pace


@dataclass(frozen=True)
class Measure:
    """One way to drive a gateway.

    Attributes:
        seconds: of every run.
        stream: whether answers are streamed.
        size: bytes of a request, about.
        gap_ms: the upstream's time between two events, and `latency_ms` before the first.
    """

    name: str
    connections: int
    seconds: float
    stream: bool = False
    size: int = 0
    gap_ms: float = 0
    latency_ms: float = 0


def quick_measures(seconds: float) -> list[Measure]:
    """CPU of answers and streams."""
    return [Measure("json", 16, seconds), Measure("stream", 16, seconds, stream=True)]


def whole_measures(seconds: float) -> list[Measure]:
    """All that is compared."""
    return [
        *quick_measures(seconds),
        Measure("single", 1, seconds),
        Measure("paced", 24, seconds, stream=True, gap_ms=5, latency_ms=20),
    ]


@dataclass
class Measured:
    """Every figure of every run, by gateway and measure."""

    runs: dict[tuple[str, str], list[dict[str, float]]] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)

    def median(self, gateway: str, measure: str, figure: str) -> float | None:
        """The median of a figure over the rounds; None where that gateway did not answer."""
        runs = self.runs.get((gateway, measure))
        return statistics.median(run[figure] for run in runs) if runs else None

    def ratio(self, gateway: str, other: str, measure: str, figure: str = "cpu") -> float | None:
        """The figure of one gateway over that of another, round by round."""
        ours, theirs = self.runs.get((gateway, measure)), self.runs.get((other, measure))
        if not ours or not theirs:
            return None
        return statistics.median(a[figure] / b[figure] for a, b in zip(ours, theirs, strict=True))


def measured(running: list[Running], measures: list[Measure], rounds: int, upstream: int) -> Measured:
    """Drive all gateways by all measures, `rounds` times, in an order that turns around each round."""
    result = Measured()
    for one in running:
        one.drive([body(one.model)], 8, 1.0)
        one.drive([body(one.model, stream=True)], 8, 0.5)
    for number in range(rounds):
        for measure in measures:
            pace(upstream, gap_ms=measure.gap_ms, latency_ms=measure.latency_ms)
            for one in running if number % 2 == 0 else running[::-1]:
                _run(result, one, measure)
    pace(upstream)
    return result


def _run(result: Measured, one: Running, measure: Measure) -> None:
    """One run; a gateway that answers with errors loses the measure, and the error is kept."""
    key = (one.name, measure.name)
    if key in result.errors:
        return
    given = body(one.model, stream=measure.stream, size=measure.size)
    run = one.drive([given], measure.connections, measure.seconds)
    if not run["answered"] or run["errors"] > run["answered"] / 100:
        result.errors[key] = run["bad"] or f"{run['errors']} connections lost"
        result.runs.pop(key, None)
        print(f"{one.name}, {measure.name}: {result.errors[key]}", file=sys.stderr)
        return
    result.runs.setdefault(key, []).append(run)
