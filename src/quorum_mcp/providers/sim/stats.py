"""Counts of the simulated server, for tests: `GET /_stats` shows them, `DELETE /_stats` sets them to zero."""

from collections import defaultdict

from msgspec import Struct


class Count(Struct):
    """What happened to one model's requests; `abandoned` ones were hung up on before their end."""

    requests: int = 0
    streams: int = 0
    answered: int = 0
    faults: int = 0
    abandoned: int = 0
    open: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Stats:
    """Counts by model name as asked for (knobs included), and the greatest number of open requests."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Back to zero."""
        self.models: defaultdict[str, Count] = defaultdict(Count)
        self.peak = 0

    def begin(self, model: str, *, stream: bool) -> Count:
        """Count a request that begins; the caller sets `open` back when it ends."""
        count = self.models[model]
        count.requests += 1
        count.streams += stream
        count.open += 1
        self.peak = max(self.peak, sum(other.open for other in self.models.values()))
        return count

    def shown(self) -> dict[str, object]:
        """As JSON."""
        return {
            "simulated": True,
            "requests": sum(count.requests for count in self.models.values()),
            "peak_open": self.peak,
            "models": dict(self.models),
        }
