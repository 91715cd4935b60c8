"""Token buckets in memory: what they let through, how they are corrected, and who waits for them."""

import asyncio
import random
import time

import pytest

from quorum_mcp.calls.limits import Limit
from quorum_mcp.calls.limits.limit import Level
from quorum_mcp.calls.limits.lines import Lines, Place
from quorum_mcp.calls.limits.memory import MemoryRates

pytestmark = pytest.mark.anyio
LAB = Limit("provider:lab", 60, 100)
KEY = Limit("key:one", 2, None)


def take(rates: MemoryRates, tokens: int, *limits: Limit) -> float:
    """Seconds to wait; 0.0: taken."""
    levels = rates.take_now(limits or (LAB,), tokens)
    if levels is None:
        return 0.0
    return max(level.wait(limit, 1, tokens) for limit, level in zip(limits or (LAB,), levels, strict=True))


def whole(level: Level | None) -> tuple[int, int]:
    assert level is not None
    return int(level.requests), int(level.tokens)


def test_both_buckets_are_taken_or_neither() -> None:
    rates = MemoryRates()
    assert take(rates, 90) == 0.0
    assert take(rates, 50) > 20  # 40 tokens are missing, at 100 a minute
    assert whole(rates.last(LAB)) == (59, 10)


def test_all_limits_are_taken_or_none() -> None:
    rates = MemoryRates()
    assert [take(rates, 1, LAB, KEY) for _ in range(2)] == [0.0, 0.0]
    assert take(rates, 1, LAB, KEY) > 20
    assert whole(rates.last(LAB)) == (58, 98)
    assert take(rates, 1) == 0.0  # who has another key is not held up


def test_more_than_the_bucket_takes_all_of_it_and_leaves_a_debt() -> None:
    rates = MemoryRates()
    assert take(rates, 1_000) == 0.0
    assert 530 < take(rates, 1) < 560


def test_a_debt_is_paid_by_waiting_and_a_credit_is_given_back() -> None:
    rates = MemoryRates()
    take(rates, 10)
    rates.add([LAB], 0, 10 - 150)
    assert take(rates, 10) > 30
    rates.add([LAB], 1, 150)
    assert whole(rates.last(LAB)) == (60, 100)


def test_what_a_provider_tells_only_lowers() -> None:
    rates = MemoryRates()
    rates.lower(LAB, Level(3, 1_000))
    assert whole(rates.last(LAB)) == (3, 100)
    rates.lower(LAB, Level(blocked=5))
    assert 4 < take(rates, 1) <= 5


def test_a_share_of_a_small_limit_still_lets_something_through() -> None:
    rates, share = MemoryRates(), Limit("provider:lab", 1, None).share(4)
    assert take(rates, 1, share) == 0.0
    assert 230 < take(rates, 1, share) <= 240  # one in four minutes


def test_another_limit_holds_at_once() -> None:
    rates = MemoryRates()
    take(rates, 1)
    lower = Limit(LAB.name, 5, 50)
    assert take(rates, 1, lower) == 0.0
    assert whole(rates.last(lower)) == (4, 49)


def test_any_window_of_random_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more than a bucket and its refill, in any window; and what is refused waits no longer than it must."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, now = random.Random(seed), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rates, granted = MemoryRates(), list[tuple[float, int]]()
    for _ in range(2_000):
        now[0] += chance.expovariate(2)
        tokens = chance.randint(1, 60)
        wait = take(rates, tokens)
        if wait and chance.random() < 0.3:
            now[0] += wait + 1e-6
            assert take(rates, tokens) == 0.0
            wait = 0.0
        if wait == 0.0:
            granted.append((now[0], tokens))
    assert len(granted) > 200
    for first in range(0, len(granted), 3):
        tokens = 0
        for n, (at, used) in enumerate(granted[first:], 1):
            tokens += used
            minutes = (at - granted[first][0]) / 60
            assert n <= 60 + 60 * minutes + 1e-6
            assert tokens <= 100 + 100 * minutes + 1e-6


async def test_first_come_first_served() -> None:
    """Places are served in the order of their coming, one at a time, and each is told how long it takes."""
    lines, served = Lines(), list[int]()

    async def wait(n: int) -> None:
        place = Place(lines, 10)
        seconds = place.stand(LAB, Level(0, 0) if n == 0 else None)
        assert seconds == pytest.approx((n + 1) * 6, abs=0.5)  # 10 tokens each, at 100 a minute
        await place.turn(5)
        served.append(n)
        await asyncio.sleep(0)
        place.leave(served=True)

    await asyncio.gather(*(wait(n) for n in range(20)))
    assert served == list(range(20))
    assert lines.busy([LAB]) is None


async def test_who_changes_the_line_keeps_the_rank() -> None:
    lines = Lines()
    old, young = Place(lines, 1), Place(lines, 1)
    old.stand(KEY, Level(0))
    young.stand(LAB, Level(0, 0))
    assert old.is_first and young.is_first
    old.stand(LAB, Level(0, 0))
    assert old.is_first and not young.is_first
    assert lines.busy([KEY]) is None
    waiting = asyncio.ensure_future(young.turn(5))
    await asyncio.sleep(0)
    old.leave()
    await waiting
    with pytest.raises(TimeoutError):
        late = Place(lines, 1)
        late.stand(LAB, None)
        await late.turn(0.01)
