"""Benchmarks: what is measured of providers and models in a window of time."""

from collections.abc import Collection
from typing import Final, Literal

from msgspec import Struct

from quorum_mcp.reports import measures
from quorum_mcp.reports.measures import ENOUGH
from quorum_mcp.reports.quality import quality
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures, Slots, Sums
from quorum_mcp.store.folding import DAY, HOUR

Window = Literal["1h", "24h", "7d", "all"]
Metric = Literal["latency", "throughput", "cost", "success_rate", "quality"]
Model = tuple[str, str]
"""A provider, and its own name of one of its models."""

LENGTH: Final[dict[Window, tuple[int, int] | None]] = {
    "1h": (HOUR, 5 * 60 * MICROSECONDS),
    "24h": (DAY, HOUR),
    "7d": (7 * DAY, HOUR),
    "all": None,
}
"""How long a window is, and the length of the slots that it begins on: figures of the past are in such slots."""
UNIT: Final[dict[Metric, str]] = {
    "latency": "s",
    "throughput": "tokens/s",
    "cost": "USD/1k tokens",
    "success_rate": "ratio",
    "quality": "ratio",
}


class Place(Struct, frozen=True):
    """A model's value in a ranking, and how many calls (or judged answers) it is made of."""

    model: Model
    value: float
    n: int


class Ranking(Struct, frozen=True):
    """The best first; `left_out` models have too few calls to say."""

    places: list[Place]
    left_out: int


def since(window: Window) -> int | None:
    """When a window begins, microseconds since 1970; None: with the first call."""
    known = LENGTH[window]
    if known is None:
        return None
    length, slot = known
    return (now_us() - length) // slot * slot


async def rank(database: Database, where: Slots, metric: Metric, without: Collection[str] = ()) -> Ranking:
    """Every model that has enough calls, by a metric; `without` names providers that do not compete."""
    if metric == "quality":
        found = await _by_quality(database, where)
    elif metric == "latency":
        histograms = await Figures(database).histograms(where, "latency")
        found = [
            Place(model, measures.seconds(counts, 0.5) or 0.0, sum(counts.values()))
            for model, counts in histograms.items()
        ]
    else:
        sums = await Figures(database).sums(where, ("provider", "model"))
        found = [_place((str(key[0]), str(key[1])), of, metric) for key, of in sums.items()]
    found = [place for place in found if place.model[0] not in without]
    places = [place for place in found if place.n >= ENOUGH]
    best = 1 if metric in ("latency", "cost") else -1  # The lowest, or the highest.
    places.sort(key=lambda place: (best * place.value, -place.n, place.model))
    return Ranking(places, len(found) - len(places))


def _place(model: Model, sums: Sums, metric: Metric) -> Place:
    if metric == "success_rate":
        value, n = measures.success_rate(sums), sums.answered + sums.faults
    elif metric == "throughput":
        value, n = measures.throughput(sums), sums.answered
    else:
        value, n = measures.cost_per_1k_tokens(sums), sums.priced - sums.cached
    return Place(model, value or 0.0, 0 if value is None else n)


async def _by_quality(database: Database, where: Slots) -> list[Place]:
    found = await quality(database, where.tenant, where.since)
    places: list[Place] = []
    for name, record in found.items():
        provider, _, model = name.partition("/")
        places.append(Place((provider, model), round(record.share, 4), record.judged))
    return places
