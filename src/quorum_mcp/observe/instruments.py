"""Numbers that only grow, kept as plain numbers: who counts often keeps its count, the exposition comes later.

Nothing here is safe for several threads: everything is counted on the event loop.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of a histogram's buckets, from a cached answer to a long deliberation."""


class Instrument:
    """A metric's name, its labels and what it says. A counter's name is given without `_total`."""

    kind: Kind = "gauge"

    def __init__(self, name: str, labels: Sequence[str], about: str) -> None:
        self.name = name
        self.labels = tuple(labels)
        self.about = about

    @property
    def exposed(self) -> str:
        """The name as it is scraped."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Count:
    """One sum of a counter; whoever has it adds to `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Counter(Instrument):
    """A sum for each combination of label values."""

    kind = "counter"

    def __init__(self, name: str, labels: Sequence[str], about: str) -> None:
        super().__init__(name, labels, about)
        self.values: dict[Labels, Count] = {}

    def of(self, labels: Labels) -> Count:
        """The sum of these label values, which are in the order of `labels`."""
        count = self.values.get(labels)
        if count is None:
            count = self.values[labels] = Count()
        return count

    def add(self, labels: Labels, amount: float = 1) -> None:
        """Add to the sum of these label values."""
        self.of(labels).value += amount


class Cells:
    """One histogram's counts, by bucket (the last one is above all bounds), and the sum of all values."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds


class Histogram(Instrument):
    """How values in seconds are spread, for each combination of label values."""

    kind = "histogram"

    def __init__(self, name: str, labels: Sequence[str], about: str) -> None:
        super().__init__(name, labels, about)
        self.values: dict[Labels, Cells] = {}

    def of(self, labels: Labels) -> Cells:
        """The counts of these label values."""
        cells = self.values.get(labels)
        if cells is None:
            cells = self.values[labels] = Cells()
        return cells

    def observe(self, labels: Labels, seconds: float) -> None:
        """Count one value."""
        self.of(labels).observe(seconds)
