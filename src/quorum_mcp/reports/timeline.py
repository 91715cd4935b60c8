"""How calls did over time: a window cut into equal slots."""

from collections import Counter, defaultdict
from typing import Final

from msgspec import Struct

from quorum_mcp.reports.benchmarks import LENGTH, Window
from quorum_mcp.reports.measures import SUMMARY, USAGE
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.figures import Figures, Slots, Sums
from quorum_mcp.store.folding import DAY, HOUR

SLOT: Final[dict[Window, int]] = {"1h": 5 * 60 * MICROSECONDS, "24h": HOUR, "7d": 6 * HOUR, "all": DAY}
"""How long a slot of each window is, in microseconds. Stored ones are folded no further while the window has them."""
MOST: Final = 400
"""Slots at most: of a longer time the last ones."""
_NEEDED: Final = tuple(dict.fromkeys((*SUMMARY, *USAGE, "priced_tokens")))


class Slot(Struct, frozen=True):
    """The calls that began in a slot: sums, and how many fell into each bucket of latency."""

    starts_at: int
    sums: Sums
    latency: dict[int, int]


async def timeline(figures: Figures, where: Slots, window: Window) -> list[Slot]:
    """Every slot of the window, those without calls too, the oldest first."""
    length = SLOT[window]
    sums: defaultdict[int, Sums] = defaultdict(Sums)
    for (at,), of in (await figures.sums(where, ("starts_at",), _NEEDED)).items():
        sums[at // length * length] += of
    latency: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for at, buckets in (await figures.slots(where, "latency")).items():
        latency[at // length * length].update(buckets)
    last = now_us() // length * length
    known = LENGTH[window]
    first = min(sums, default=last) if known is None else last - known[0] + length
    first = max(first, last - (MOST - 1) * length)
    return [Slot(at, sums[at], dict(latency[at])) for at in range(first, last + length, length)]
