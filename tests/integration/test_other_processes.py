"""Two servers on one database: each does with the other's runs what their own server could."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from tests.support.rest import Rest, sse
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.stores import Store
from tests.support.upstream import Upstream, upstream

from quorum_mcp.store.stops import Stops

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"


@asynccontextmanager
async def two(store: Store) -> AsyncGenerator[tuple[Upstream, Rest, Rest], None]:
    """Two servers, each with a journal of its own."""

    def server(name: str) -> AbstractAsyncContextManager[Rest]:
        return serving(
            store.folder / name,
            config(up.url),
            QUORUM_DATABASE_URL=store.url,
            QUORUM_SECRET_KEY="s" * 64,
        )

    async with upstream() as up, server("one") as one, server("two") as other:
        yield up, one, other


async def test_a_seat_is_stopped_through_another_server(store: Store) -> None:
    async with two(store) as (up, one, other):
        up.model("a", FOUR)
        up.model("b", Say(fail="hang"))
        up.model("c", FOUR)
        run = (await one.ask("2 + 2?", ["lab/a", "lab/b", "lab/c"], exhaustive=True, wait=False))[
            "session_id"
        ]
        await up.until(lambda: len(up.open) == 1 and up.count(outcome="finished") == 2)
        missing = await other.post(f"/api/session/{run}/seats/7/stop")
        assert (missing.status, missing.error["code"]) == (404, "not_found")
        assert len(up.open) == 1
        stopped = await other.post(f"/api/session/{run}/seats/1/stop")
        assert (stopped.status, stopped["session_id"]) == (200, run)
        await up.until(lambda: not up.open)
        [*_, ending] = await asyncio.wait_for(other.all_events(run), 5)
        assert ending["data"]["result"]["conclusion"] == "4"
        assert ending["data"]["result"]["degraded"]
        again = await other.post(f"/api/session/{run}/seats/1/stop")
        assert again.status == 404
    assert up.count("b") == 1


async def test_a_request_to_stop_a_seat_is_for_its_turn_only(store: Store) -> None:
    """One that nobody answered before the turn ended does nothing to the next one."""
    async with two(store) as (up, one, _):
        up.model("a", [FOUR, Say(FOUR, latency=1.2)])
        run = (await one.ask("2 + 2?", ["lab/a"]))["session_id"]
        async with store.opened() as database:
            late = await Stops(database).ask(run, 1, "0")
            answer = await one.ask("And now?", ["lab/a"], session_id=run)
            assert await Stops(database).answered(late) is False
        assert (answer["turn"], answer["conclusion"], answer["degraded"]) == (2, "4", False)


async def test_a_run_is_cancelled_through_another_server(store: Store) -> None:
    async with two(store) as (up, one, other):
        up.model("hang", Say(fail="hang"))
        run = (await one.ask("Hang.", ["lab/hang"], wait=False))["session_id"]
        await up.until(lambda: len(up.open) == 1)
        following = [asyncio.ensure_future(q.all_events(run)) for q in (one, other)]
        assert (await other.post(f"/api/session/{run}/cancel"))["status"] == "cancelled"
        await up.until(lambda: not up.open, 1.0)
        here, there = await asyncio.wait_for(asyncio.gather(*following), 5)
        assert [e["type"] for e in here if e["type"].startswith("run.")] == ["run.started", "run.cancelled"]
        assert [e for e in here if e["type"] != "call.delta"] == there
        assert (await other.post(f"/api/session/{run}/cancel"))["status"] == "cancelled"
    assert up.count("hang") == 1


async def test_an_equal_request_to_the_other_server_waits_for_the_first_ones_answer(store: Store) -> None:
    async with two(store) as (up, one, other):
        up.model("a", Say(FOUR, hold="a"))
        up.model("b", FOUR)
        asked = [
            asyncio.ensure_future(q.query("2 + 2?", ["lab/a", "lab/b"], idempotency_key="k"))
            for q in (one, other, one, other)
        ]
        await up.until(lambda: len(up.asked) == 2)
        await asyncio.sleep(0.2)
        up.release("a")
        began = time.monotonic()
        answers = await asyncio.gather(*asked)
        assert {answer["session_id"] for answer in answers} == {answers[0]["session_id"]}
        assert {answer["conclusion"] for answer in answers} == {"4"}
        assert time.monotonic() - began < 3.0
        conflict = await other.query("3 + 3?", ["lab/a", "lab/b"], idempotency_key="k")
        assert (conflict.status, conflict.error["code"]) == (409, "conflict")
    assert len(up.asked) == 2


async def test_a_follow_up_is_followed_elsewhere_without_the_turns_before(store: Store) -> None:
    async with two(store) as (up, one, other):
        up.model("a", [FOUR, Say(FIVE, hold="a")])
        run = (await one.ask("2 + 2?", ["lab/a"]))["session_id"]
        body = {"query": "And 1?", "panel": ["lab/a"], "session_id": run, "idempotency_key": "k"}
        assert (await one.post("/api/query", body | {"wait": False}))["turn"] == 2
        await up.until(lambda: len(up.open) == 1)
        async with other.session.post(f"{other.url}/api/query", json=body | {"stream": True}) as response:
            assert response.status == 200, await response.text()
            up.release("a")
            seen = [event async for event in sse(response)]
        assert {event["data"]["turn"] for event in seen} == {2}
        assert seen[-1]["data"]["result"]["conclusion"] == "5"
        assert seen == [e for e in await one.all_events(run) if e["data"]["turn"] == 2]
    assert up.count("a") == 2


async def test_who_follows_everything_sees_what_another_server_runs(store: Store) -> None:
    async with two(store) as (up, one, other):
        up.model("a", Say(FOUR, latency=1.5))
        async with other.session.ws_connect(other.url + "/ws") as socket:
            await socket.send_json({"action": "subscribe"})
            run = (await one.ask("2 + 2?", ["lab/a"], wait=False))["session_id"]
            seen = await until_finished(socket, run)
            await asyncio.sleep(1.2)  # the run is no open one any more when it is looked for the next time
            await one.ask("And 1?", ["lab/a"], session_id=run, wait=False)
            seen += await until_finished(socket, run)
        assert seen == [e for e in await one.all_events(run) if e["type"] != "call.delta"]


async def until_finished(socket: aiohttp.ClientWebSocketResponse, run: str) -> list[dict[str, Any]]:
    """The frames of a run, to the end of its turn."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while not seen or seen[-1]["type"] != "run.finished":
            frame = await socket.receive_json()
            if frame["run_id"] == run and frame["seq"]:
                seen.append(frame)
    return seen
