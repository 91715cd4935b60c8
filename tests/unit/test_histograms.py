"""Histograms against exact percentiles: within 1 %, merged in any order, on each engine."""

import math
import random
from itertools import pairwise

import pytest
from tests.support.stores import Store
from tests.unit.storing import call

from quorum_mcp.store.figures import Figures, Slots
from quorum_mcp.store.histograms import ZERO, bucket_of, percentile, value_of
from quorum_mcp.store.records import store_records
from quorum_mcp.store.rollups import SLOT

SHARES = (0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0)


def exact(values: list[float], share: float) -> float:
    """By the nearest rank."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def counted(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    return counts


def drawn(chance: random.Random, n: int) -> list[float]:
    """Values of one of several shapes: many of a kind, spread over powers of ten, whole milliseconds."""
    shape = chance.randrange(4)
    if shape == 0:
        return [chance.lognormvariate(6, 1.5) for _ in range(n)]
    if shape == 1:
        return [10 ** chance.uniform(-3, 9) for _ in range(n)]
    if shape == 2:
        return [float(chance.choice((1, 2, 3, 800, 801))) for _ in range(n)]
    return [float(chance.randrange(100_000)) for _ in range(n)]


def test_percentiles_are_within_one_percent() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(200):
        values = drawn(chance, chance.randint(1, 400))
        for share in SHARES:
            true, found = exact(values, share), percentile(counted(values), share)
            assert found == pytest.approx(true, rel=0.01), f"seed {seed}: {share} of {len(values)}"


def test_buckets_follow_one_another() -> None:
    for bucket in range(-500, 1500):
        assert bucket_of(value_of(bucket)) == bucket
    for low, high in pairwise([1e-6, 0.5, 1, 1.02, 1.03, 40, 41, 1e12]):
        assert bucket_of(low) <= bucket_of(high)
    assert bucket_of(0) == bucket_of(-3) == ZERO
    assert value_of(ZERO) == 0
    assert percentile({}, 0.5) is None


@pytest.mark.anyio
async def test_stored_histograms_are_those_of_all_calls_in_any_order(store: Store) -> None:
    """Stored in random batches, over several slots: the sums are those of one histogram of everything."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    latencies = [float(round(chance.lognormvariate(6, 1))) for _ in range(600)]
    began = 400_000 * SLOT
    records = [
        call(latency_ms=int(value), attempts=1, created_at=began + chance.randrange(4 * SLOT))
        for value in latencies
    ]
    chance.shuffle(records)
    async with store.opened() as database:
        left = records
        while left:
            cut = chance.randint(1, 200)
            batch, left = left[:cut], left[cut:]
            await database.write(lambda conn, batch=batch: store_records(conn, [], batch))
        figures = Figures(database)
        whole = await figures.histograms(Slots(), "latency")
        parts = [
            await figures.histograms(Slots(since=began + n * SLOT, until=began + (n + 1) * SLOT), "latency")
            for n in range(4)
        ]
    counts = whole["lab", "alpha"]
    assert counts == counted(latencies), f"seed {seed}"
    chance.shuffle(parts)
    merged: dict[int, int] = {}
    for part in parts:
        for bucket, count in part.get(("lab", "alpha"), {}).items():
            merged[bucket] = merged.get(bucket, 0) + count
    assert merged == counts
    for share in SHARES:
        assert percentile(counts, share) == pytest.approx(exact(latencies, share), rel=0.01), f"seed {seed}"
