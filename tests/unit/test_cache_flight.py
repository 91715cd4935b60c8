"""Equal requests at the same time: one asks, the others get its answer, whatever happens to it."""

import asyncio
import random
import time

import pytest
from tests.support.caching import answer, cache_on, call, target

from quorum_mcp.answers import Answer
from quorum_mcp.calls.cache import Cache, Lookup
from quorum_mcp.calls.call import Call
from quorum_mcp.errors import DeadlineExceeded

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
AT = target()


async def following(cache: Cache, count: int, **more: object) -> list["asyncio.Task[Lookup]"]:
    """Look-ups that wait for the one that is under way."""
    tasks = [asyncio.create_task(cache.lookup(call(**more), AT)) for _ in range(count)]  # type: ignore[arg-type]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_followers_get_the_leaders_answer() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        assert leader.answer is None
        followers = await following(cache, 5)
        other = await asyncio.wait_for(cache.lookup(call(tenant="other"), AT), 1)  # waits for nobody
        assert other.answer is None
        assert not any(task.done() for task in followers)
        leader.keep(answer())
        leader.close(failed=False)
        found = await asyncio.gather(*followers)
        assert [one.answer for one in found] == [answer()] * 5
        assert all("waited" in one.note for one in found)
        assert (cache.stats().joined, cache.stats().misses) == (5, 2)
        other.close(failed=False)
        assert not cache.under_way


async def test_a_cancelled_leader_hands_on() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        followers = await following(cache, 4)
        for _ in range(3):  # however often
            leader.close(failed=False)
            done, _ = await asyncio.wait(followers, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            (leading,) = done
            followers.remove(leading)
            leader = leading.result()
            assert leader.answer is None
        leader.keep(answer())
        leader.close(failed=False)
        assert [(await task).answer for task in followers] == [answer()]
        assert not cache.under_way


async def test_after_a_second_failure_everyone_asks_for_themselves() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        followers = await following(cache, 4)
        leader.close(failed=True)
        second = await followers[0]
        assert second.answer is None
        await asyncio.sleep(0)
        assert not followers[1].done()
        second.close(failed=True)
        rest = await asyncio.gather(*followers[1:])
        assert [one.answer for one in rest] == [None] * 3
        rest[0].keep(answer("5"))
        for one in rest:
            one.close(failed=False)
        assert (await cache.lookup(call(), AT)).answer == answer("5")
        assert not cache.under_way


async def test_an_answer_that_is_not_kept_is_not_shared() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        followers = await following(cache, 3)
        leader.keep(answer("cut", stop="length"))
        leader.close(failed=False)
        assert [(await task).answer for task in followers] == [None] * 3
        assert not cache.under_way


async def test_a_follower_keeps_its_own_deadline_and_time_to_ask() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        began = time.monotonic()
        (follower,) = await following(cache, 1, seconds=0.4)
        found = await follower
        assert found.answer is None
        assert 0.19 <= time.monotonic() - began < 3
        found.keep(answer("5"))  # not in the leader's place
        found.close(failed=False)
        with pytest.raises(DeadlineExceeded):
            await cache.lookup(call(seconds=-1), AT)
        leader.close(failed=False)
        assert not cache.under_way


async def test_a_follower_that_is_cancelled_as_it_gets_the_lead() -> None:
    async with cache_on(None) as cache:
        leader = await cache.lookup(call(), AT)
        first, second = await following(cache, 2)
        leader.close(failed=False)  # the first one's now
        first.cancel()  # before it knows
        assert (await second).answer is None
        (await second).close(failed=False)
        assert first.cancelled()
        assert not cache.under_way


async def test_at_most_one_asks_whatever_happens() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    asking = served = 0

    async def one(cache: Cache, given: Call) -> Answer | None:
        nonlocal asking, served
        lookup = await cache.lookup(given, AT)
        try:
            if lookup.answer is not None:
                served += 1
                return lookup.answer
            asking += 1
            try:
                assert asking == 1, f"seed {seed}"
                await asyncio.sleep(chance.choice((0, 0.001, 0.003)))
            finally:
                asking -= 1
            if chance.random() < 0.3:
                lookup.keep(answer())
                return answer()
            return None
        finally:
            lookup.close(failed=False)

    for _ in range(20):
        async with cache_on(None) as cache:
            tasks = [asyncio.create_task(one(cache, call())) for _ in range(20)]
            for _ in range(8):
                await asyncio.sleep(chance.choice((0, 0.001)))
                chance.choice(tasks).cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(r in (None, answer()) or isinstance(r, asyncio.CancelledError) for r in results), (
                seed,
                results,
            )
            assert not cache.under_way, f"seed {seed}"
    assert served > 0
