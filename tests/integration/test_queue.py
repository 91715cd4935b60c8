"""A provider's queue as callers meet it: full, too late, in turn, and what a call's trace says of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]


@asynccontextmanager
async def limited(home: Path, **limits: int) -> AsyncIterator[tuple[Upstream, Rest]]:
    async with upstream() as up:
        given = config(up.url, retry={"attempts": 1})
        given["providers"]["lab"]["limits"] = {"requests_per_minute": 10_000} | limits
        async with serving(home, given) as rest:
            yield up, rest


async def generate(q: Rest, text: str = "Hello.") -> Answer:
    return await q.post(
        "/api/models/generate", {"model": "lab/a", "messages": [{"role": "user", "content": text}]}
    )


async def test_full_is_429_at_once_and_a_wait_is_in_the_trace(tmp_path: Path) -> None:
    async with limited(tmp_path, concurrency=1, queue=1) as (up, q):
        up.model("a", Say("Hello.", hold="go"))
        first = asyncio.create_task(generate(q))
        await up.until(lambda: up.open)
        second = asyncio.create_task(generate(q))
        await asyncio.sleep(0.2)
        refused = await generate(q)
        assert (refused.status, refused.error["code"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        assert "limits.queue" in refused.error["hint"]
        assert up.count("a") == 1
        up.release("go")
        traces = [await trace(q, answer) for answer in await asyncio.gather(first, second)]
        assert "for a place" not in traces[0]
        waited = re.search(r"waited (\d+) ms for a place", traces[1])
        assert waited is not None
        assert int(waited[1]) >= 190


async def test_nobody_waits_where_nobody_may(tmp_path: Path) -> None:
    async with limited(tmp_path, concurrency=2, queue=0) as (up, q):
        up.model("a", Say("Hello.", hold="go"))
        asking = [asyncio.create_task(generate(q, str(n))) for n in range(6)]
        await up.until(lambda: len(up.open) == 2)
        ending = asyncio.as_completed(asking)
        assert [(await next(ending)).status for _ in range(4)] == [429] * 4
        up.release("go")
        assert sorted(a.status for a in await asyncio.gather(*asking)) == [200] * 2 + [429] * 4


async def test_calls_that_hang_up_leave_their_place_to_others(tmp_path: Path) -> None:
    async with limited(tmp_path, concurrency=1, queue=50) as (up, q):
        up.model("a", [Say("Hello.", hold="go"), Say("Hello.")])
        asking = [asyncio.create_task(generate(q, str(n))) for n in range(20)]
        await up.until(lambda: up.open)
        await asyncio.sleep(0.2)
        for task in asking[1::2]:
            task.cancel()
        await asyncio.sleep(0.2)
        up.release("go")
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert sum(isinstance(a, Answer) and a.status == 200 for a in answers) == 10
        assert up.count("a") == 10
        assert (await generate(q)).status == 200


async def test_a_writer_goes_before_seats_that_wait(tmp_path: Path) -> None:
    async with limited(tmp_path, concurrency=1, queue=100) as (up, q):
        up.model("a", Say("Because.", latency=0.1), synthesis="Because it is.")
        run = asyncio.create_task(q.ask("Why?", ["lab/a"], synthesizer="lab/a"))
        await up.until(lambda: up.open)
        crowd = [asyncio.create_task(generate(q, f"{n} of the crowd")) for n in range(12)]
        await run
        await asyncio.gather(*crowd)
        order = [asked.kind for asked in up.asked]
        assert len(order) == 14
        assert order.index("synthesis") <= 7, order  # those that waited before it was there went on


async def trace(q: Rest, answer: Answer) -> str:
    assert answer.status == 200, answer.body
    record: dict[str, Any] = (await q.get(f"/api/calls/{answer['call_id']}")).body
    return "\n".join(record["trace"])
