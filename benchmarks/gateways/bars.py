"""What the project set out to reach, and whether it did."""

from collections.abc import Callable
from dataclasses import dataclass

from gateways.measures import Measured
from gateways.running import Running


@dataclass(frozen=True)
class Bar:
    """A figure with its bound.

    Attributes:
        what: the figure, in words.
        value: what was measured; None where a peer or a measure is missing.
        bound: `<=` or `>=` and the number.
    """

    what: str
    value: float | None
    bound: str

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or `skipped`, which is never a pass."""
        if self.value is None or self.value != self.value:
            return "skipped"
        sign, _, number = self.bound.partition(" ")
        met = self.value <= float(number) if sign == "<=" else self.value >= float(number)
        return "met" if met else "missed"


def bars(running: list[Running], result: Measured) -> list[Bar]:
    """Every bar of the comparison."""
    starts = {one.name: one.start for one in running}

    def ratio(ours: str, theirs: str, measure: str, figure: str = "cpu") -> float | None:
        return result.ratio(ours, theirs, measure, figure)

    def added(gateway: str, measure: str, figure: str, under: str = "direct") -> float | None:
        return _both(result.median(gateway, measure, figure), result.median(under, measure, figure), _less)

    own = starts.get("Quorum", {})
    return [
        Bar(
            "JSON, 16 connections: CPU a request over the barest proxy",
            ratio("Quorum", "bare", "json"),
            "<= 1.6",
        ),
        Bar("LiteLLM's CPU over ours, JSON", ratio("LiteLLM", "Quorum", "json"), ">= 25"),
        Bar("LiteLLM's CPU over ours, streams", ratio("LiteLLM", "Quorum", "stream"), ">= 40"),
        Bar("Portkey's CPU over ours, JSON", ratio("Portkey", "Quorum", "json"), ">= 4"),
        Bar("our CPU over TensorZero's, JSON", ratio("Quorum", "TensorZero", "json"), "<= 1.75"),
        Bar("our CPU over TensorZero's, streams", ratio("Quorum", "TensorZero", "stream"), "<= 0.7"),
        Bar("added p50 at one connection, ms", added("Quorum", "single", "p50"), "<= 1"),
        Bar(
            "the same over LiteLLM's",
            _both(added("Quorum", "single", "p50"), added("LiteLLM", "single", "p50"), _over),
            "<= 0.1",
        ),
        Bar(
            "paced streams: CPU an event over the barest proxy",
            ratio("Quorum", "bare", "paced", "cpu_event"),
            "<= 1.3",
        ),
        Bar(
            "paced streams: time to first byte over the barest proxy's, ms",
            added("Quorum", "paced", "first", "bare"),
            "<= 3",
        ),
        Bar("paced streams: reads with an event, of 51", result.median("Quorum", "paced", "reads"), ">= 45"),
        Bar("idle memory, MiB", own.get("rss"), "<= 120"),
        Bar("start to the first 200, s", own.get("seconds"), "<= 3"),
        Bar(
            "start-up CPU over LiteLLM's",
            _both(own.get("cpu"), starts.get("LiteLLM", {}).get("cpu"), _over),
            "<= 0.25",
        ),
    ]


def _less(a: float, b: float) -> float:
    return a - b


def _over(a: float, b: float) -> float:
    return a / b


def _both(a: float | None, b: float | None, join: Callable[[float, float], float]) -> float | None:
    return None if a is None or b is None else join(a, b)
