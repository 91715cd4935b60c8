"""Redis goes away and comes back: each process holds to its part of the limits meanwhile, and says so."""

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.support.keys import eventually
from tests.support.redis_server import redis_server
from tests.support.rest import Rest
from tests.support.server import PRICE, serving
from tests.support.taker import KEYS, PROVIDER, assert_never_more, granted_to
from tests.support.upstream import upstream
from tools.redis import Server

pytestmark = [pytest.mark.anyio, pytest.mark.needs("redis"), pytest.mark.timeout(90)]
__all__ = ("redis_server",)
OUTAGES = 8 if os.environ.get("QUORUM_LONG_FAULTS") else 1


async def ask(q: Rest) -> int:
    return (await q.query("2 + 2?", ["lab/a"], timeout_seconds=4)).status


async def health(q: Rest) -> tuple[str, str]:
    answer = await q.get("/api/health")
    assert answer.status == 200
    return answer["status"], answer["checks"]["limits"]


async def available(q: Rest) -> Any:
    return (await q.get("/api/rate-limits"))["lab"]["requests_available"]


async def test_two_servers_and_a_redis_that_is_killed(tmp_path: Path, redis_server: Server) -> None:
    async with upstream() as up:
        up.model("a", "It is four.\nCONCLUSION: 4")
        limits = {"requests_per_minute": 8, "tokens_per_minute": 1_000_000}
        lab = {"wire": "openai", "base_url": up.url, "price": dict(PRICE), "limits": limits}
        given, env = {"providers": {"lab": lab}}, {"REDIS_URL": redis_server.url}
        with capture_logs() as logs:
            async with serving(tmp_path, given, **env) as one, serving(tmp_path, given, **env) as two:

                async def both(status: str, words: str) -> bool:
                    found = [await health(q) for q in (one, two)]
                    return all(s == status and words in limits for s, limits in found)

                await eventually(lambda: both("healthy", "2 processes"))
                assert [await ask(q) for q in (one, two)] == [200, 200]  # 6 are left, as the second one knows
                redis_server.kill()
                assert await ask(two) == 200, "it goes on at once"
                statuses = [await ask(two) for _ in range(4)]
                assert sorted(statuses) == [200, 200, 429, 429], "three of its half of six, and no more"
                await eventually(lambda: both("degraded", "1/2 of the rates"))
                redis_server.start()
                await eventually(lambda: both("healthy", "in Redis"))
                # Redis has forgotten all of it. What was used meanwhile still counts: 8 would be left else.
                assert await available(two) <= 3
                assert await available(one) <= 3
    told = [entry["event"] for entry in logs if entry["event"].startswith("redis.")]
    assert (told.count("redis.away"), told.count("redis.back")) == (2, 2), "each server says it once"


async def test_a_redis_that_hangs_holds_nobody_up(tmp_path: Path, redis_server: Server) -> None:
    async with upstream() as up:
        up.model("a", "It is four.\nCONCLUSION: 4")
        lab = {
            "wire": "openai",
            "base_url": up.url,
            "price": dict(PRICE),
            "limits": {"requests_per_minute": 600},
        }
        async with serving(tmp_path, {"providers": {"lab": lab}}, REDIS_URL=redis_server.url) as q:
            assert await ask(q) == 200
            redis_server.signal(signal.SIGSTOP)
            try:
                began = time.monotonic()
                assert [await ask(q) for _ in range(3)] == [200] * 3
                assert time.monotonic() - began < 5
                assert (await health(q))[0] == "degraded"
            finally:
                redis_server.signal(signal.SIGCONT)

            async def well() -> bool:
                return (await health(q))[0] == "healthy"

            await eventually(well)
            assert await ask(q) == 200


async def test_a_server_that_starts_without_redis(tmp_path: Path, redis_server: Server) -> None:
    redis_server.kill()
    async with upstream() as up:
        up.model("a", "It is four.\nCONCLUSION: 4")
        lab = {"wire": "openai", "base_url": up.url, "price": dict(PRICE)}
        async with serving(tmp_path, {"providers": {"lab": lab}}, REDIS_URL=redis_server.url) as q:
            assert (await health(q))[0] == "degraded"
            assert await ask(q) == 200
            redis_server.start()

            async def well() -> bool:
                return (await health(q))[0] == "healthy"

            await eventually(well)


async def test_four_processes_through_outages(redis_server: Server) -> None:
    """Limits hold over every window that outages lie in, but for what a restarted Redis cannot know at once."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    seconds = 8.0 + 4 * OUTAGES

    async def break_it() -> None:
        async with Redis.from_url(redis_server.url) as client:

            async def all_there() -> bool:
                return await client.zcard("quorum:processes") == 4

            await eventually(all_there, 20)
        await asyncio.sleep(2.5)  # now each of them knows how many they are
        for _ in range(OUTAGES):
            redis_server.kill()
            await asyncio.sleep(chance.uniform(0.3, 2))
            await asyncio.to_thread(redis_server.start)
            await asyncio.sleep(2)

    found = await asyncio.gather(
        break_it(), *(granted_to(redis_server.url, seed + n, seconds) for n in range(4))
    )
    each = [granted for granted in found if granted]
    assert len(each) == 4
    grants = sorted(grant for granted in each for grant in granted)
    assert any(not shared for *_, shared in grants), "some were granted without Redis"
    assert_never_more(PROVIDER, grants, slack=0.15)
    for name, limit in KEYS.items():
        assert_never_more(limit, [grant for grant in grants if grant[2] == name], slack=0.15)
