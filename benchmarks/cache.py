"""CPU of the cache and of a provider's place, in process: microseconds of this process's CPU time a call.

    ./dev bench cache

Each figure is the median of several runs of many calls. On Redis the server's own CPU is not counted; calls are
made one after another, so each pays for its own turn of the event loop.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from harness import row

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.caching import answer, cache_on, call, target, written
from tools.needs import found
from tools.redis import Server, server

from quorum_mcp.calls.cache import Cache
from quorum_mcp.calls.cache.key import key_of
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.queue import Queue
from quorum_mcp.messages import ModelRequest, message

RUNS = 7
PROMPT = "Which of these files was changed last, and by whom? " * 20
SAID = answer("The second one, by the release script. " * 12)
AT = target()


def conversation(n: int) -> Call:
    """A call of about 1 kB that differs from all others."""
    turns = (message("system", "Answer in one sentence."), message("user", f"{PROMPT}{n}"))
    return call(request=ModelRequest("", turns, temperature=0.2, max_tokens=500))


async def each(work: Callable[[int], Awaitable[None]], count: int) -> float:
    """Median microseconds of CPU that one takes."""
    runs: list[float] = []
    for run in range(RUNS):
        began = time.process_time()
        for n in range(count):
            await work(run * count + n)
        runs.append((time.process_time() - began) / count * 1e6)
    return statistics.median(runs)


async def of_cache(cache: Cache, count: int) -> tuple[float, float]:
    """A miss with its answer kept, and a hit: look-up, key and all."""
    calls = [conversation(n) for n in range(RUNS * count)]

    async def ask(n: int) -> None:
        lookup = await cache.lookup(calls[n], AT)
        if lookup.answer is None:
            lookup.keep(SAID)
        lookup.close(failed=False)

    missed = await each(ask, count)
    await written(cache)
    hit = await each(ask, count)
    counts = cache.stats()
    if (counts.hits, counts.misses) != (RUNS * count, RUNS * count):
        sys.exit(f"not what was to be measured: {counts}")
    return missed, hit


async def of_queue(count: int) -> tuple[float, float]:
    """A place that is free, and one that 100 calls of four tenants wait for."""
    queue, given = Queue("lab", 10), [conversation(n) for n in range(4)]

    async def take(n: int) -> None:
        async with queue.slot(given[n % 4]):
            pass

    free = await each(take, count)
    busy = Queue("lab", 4, bound=200)
    waiting = [call(tenant=str(n % 4)) for n in range(100)]

    async def work(mine: Call, turns: int) -> None:
        for _ in range(turns):
            async with busy.slot(mine):
                await asyncio.sleep(0)

    runs: list[float] = []
    for _ in range(RUNS):
        began = time.process_time()
        await asyncio.gather(*(work(one, count // 100) for one in waiting))
        runs.append((time.process_time() - began) / (count // 100 * 100) * 1e6)
    return free, statistics.median(runs)


async def measure(redis: Server | None, count: int) -> None:
    """Print the table."""
    row("what", "CPU, us")
    row("---", "---")
    calls = [conversation(n) for n in range(100)]

    async def key(n: int) -> None:
        key_of(calls[n % 100], AT, cache.settings)

    async with cache_on(None) as cache:
        row("the key of a 1 kB request", await each(key, count))
    async with cache_on(None, max_entries=10**6, max_bytes=10**9) as cache:
        missed, hit = await of_cache(cache, count)
    row("memory: miss and keep", missed)
    row("memory: hit", hit)
    if redis is None:
        row("Redis", "not installed")
    else:
        async with cache_on(redis) as cache:
            missed, hit = await of_cache(cache, max(100, count // 10))
        row("Redis: miss and keep", missed)
        row("Redis: hit", hit)
    free, waited = await of_queue(count)
    row("queue: a free place", free)
    row("queue: a place waited for, 100 calls for 4 places", waited)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=5_000, help="calls a run")
    count = parser.parse_args().count
    if found("redis") is None:
        asyncio.run(measure(None, count))
        return
    with server() as redis:
        asyncio.run(measure(redis, count))


main()
