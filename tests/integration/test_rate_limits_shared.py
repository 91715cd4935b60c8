"""Rates that several processes share in a real Redis."""

import asyncio
import random
import time

import pytest
from tests.support.redis_server import redis_server
from tests.support.taker import KEYS, PROVIDER, assert_never_more, granted_to
from tools.redis import Server

from quorum_mcp.calls.limits import Limit
from quorum_mcp.calls.limits.limit import Level
from quorum_mcp.calls.limits.shared import SharedRates
from quorum_mcp.store.shared_state import SharedState

pytestmark = [pytest.mark.anyio, pytest.mark.needs("redis"), pytest.mark.timeout(30)]
__all__ = ("redis_server",)
LAB = Limit("provider:lab", 60, 600)
KEY = Limit("key:one", 2, None)


async def test_four_processes_never_exceed_any_limit_in_any_window(redis_server: Server) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    found = await asyncio.gather(*(granted_to(redis_server.url, seed + n, 3) for n in range(4)))
    assert all(found), "every process got something"
    assert all(shared for each in found for *_, shared in each)
    grants = sorted(grant for each in found for grant in each)
    assert_never_more(PROVIDER, grants)
    for name, limit in KEYS.items():
        own = [grant for grant in grants if grant[2] == name]
        assert_never_more(limit, own)
        # Nor is anything held back: each key used up what it had.
        used = len(own) if limit.requests is not None else sum(tokens for _, tokens, *_ in own)
        assert used >= 0.95 * (limit.requests or limit.tokens or 0)


async def test_all_or_none_corrected_and_told(redis_server: Server) -> None:
    """What one process takes, corrects and learns, the other one sees."""
    states = [await SharedState.connect(redis_server.url, namespace="x") for _ in range(2)]
    one, two = (SharedRates(state) for state in states)
    assert await one.take([LAB, KEY], 100) is None
    assert await two.take([LAB, KEY], 100) is None
    levels = await one.take([LAB, KEY], 100)
    assert levels is not None
    assert levels[1].wait(KEY, 1, 100) > 25
    (left,) = await two.look([LAB])
    assert (int(left.requests), int(left.tokens)) == (58, 400)
    one.add([LAB], 0, 100 - 250)
    one.add([LAB], 1, 0)
    two.lower(KEY, Level(blocked=40))
    await one.close()
    await two.close()
    (left,) = await two.look([LAB])
    assert (int(left.requests), int(left.tokens)) == (59, 250)
    (blocked,) = await one.look([KEY])
    assert 39 < blocked.blocked <= 40
    one.lower(LAB, Level(5, 10_000))
    await one.close()
    (left,) = await two.look([LAB])
    assert (int(left.requests), int(left.tokens)) == (5, 250)
    for state in states:
        await state.close()


async def test_a_servers_clock_that_goes_back_gives_nothing_and_takes_nothing(redis_server: Server) -> None:
    """A bucket whose last change lies in the future, as after a clock was set back."""
    state = await SharedState.connect(redis_server.url)
    rates = SharedRates(state)
    for _ in range(30):
        assert await rates.take([LAB], 1) is None
    key = state.key("rate", LAB.name)
    at = int(await state.run(lambda client: client.hget(key, "at")) or 0)
    await state.run(lambda client: client.hset(key, "at", at + 3_600_000))
    (before,) = await rates.look([LAB])
    assert int(before.requests) == 30
    assert await rates.take([LAB], 1) is None
    await asyncio.sleep(1.2)  # it refills from now on, not from an hour on
    (after,) = await rates.look([LAB])
    assert 30 <= after.requests < 40
    await state.close()


async def until_taken(rates: SharedRates, tokens: int, patience: float) -> float:
    """Seconds until the rates of LAB let these tokens in; waits as long as it is told to."""
    began = time.monotonic()
    while True:
        levels = await rates.take([LAB], tokens, patience)
        if levels is None:
            return time.monotonic() - began
        await asyncio.sleep(levels[0].wait(LAB, 1, tokens))


async def test_a_large_request_gets_its_turn_among_small_ones_of_another_process(
    redis_server: Server,
) -> None:
    states = [await SharedState.connect(redis_server.url) for _ in range(2)]
    large, small = (SharedRates(state) for state in states)
    assert await small.take([LAB], 600) is None  # from now on 10 tokens come a second

    async def hammer() -> None:
        while True:
            await until_taken(small, 1, 30)

    hammering = asyncio.ensure_future(hammer())
    await asyncio.sleep(0.3)
    seconds = await until_taken(large, 30, 30)
    assert 1 < seconds < 9
    assert await until_taken(small, 1, 30) < 5, "and the others go on"
    hammering.cancel()
    # Who gives up lets the others in at once.
    assert await large.take([LAB], 300, 60) is not None
    levels = await small.take([LAB], 1, 0)
    assert levels is not None and levels[0].blocked > 10
    assert (await small.look([LAB]))[0].blocked == 0, "a turn is no limit"
    large.leave([LAB])
    await large.close()
    assert await until_taken(small, 1, 30) < 5
    for state in states:
        await state.close()


async def test_turns_go_round_in_the_order_in_which_processes_were_refused(redis_server: Server) -> None:
    states = [await SharedState.connect(redis_server.url) for _ in range(3)]
    one, two, three = (SharedRates(state) for state in states)
    assert await one.take([LAB], 600) is None
    assert await one.take([LAB], 5, 30) is not None
    assert await two.take([LAB], 5, 30) is not None
    assert await three.take([LAB], 5, 30) is not None
    await asyncio.sleep(0.55)
    assert await one.take([LAB], 5, 30) is None
    assert await one.take([LAB], 1, 30) is not None, "who comes back at once stands behind the others"
    await asyncio.sleep(0.2)
    for _ in range(2):
        levels = await one.take([LAB], 1, 30)
        assert levels is not None and levels[0].blocked > 0
        assert await three.take([LAB], 1, 30) is not None, "it is not its turn yet"
    await until_taken(two, 5, 30)
    assert await one.take([LAB], 1, 30) is not None
    await until_taken(three, 5, 30)
    assert await until_taken(one, 1, 30) < 1
    for state in states:
        await state.close()
