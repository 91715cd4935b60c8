"""/ws through the websockets client: ask, follow, take up again, cancel, and what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import upstream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
ENDINGS = {"run.finished", "run.failed", "run.cancelled"}


class Client:
    """A client that keeps the frames it has seen, without the stats of an idle connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def next(self) -> dict[str, Any]:
        return json.loads(await asyncio.wait_for(self.socket.recv(), 4))

    async def until(self, *types: str) -> list[dict[str, Any]]:
        """Frames up to the first of these types, stats left out."""
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] not in types:
            frame = await self.next()
            if frame["type"] != "stats" or "stats" in types:
                frames.append(frame)
        return frames


@asynccontextmanager
async def client(rest: Rest, **options: Any) -> AsyncIterator[Client]:
    async with connect(rest.url.replace("http", "ws") + "/ws", proxy=None, **options) as socket:
        yield Client(socket)


@pytest.mark.usefixtures("each_engine")
async def test_a_question_and_its_events(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), client(rest) as ws:
        up.model("a", Say(FOUR, drip=0.06, piece=8))
        up.model("b", FOUR)
        await ws.send(action="query", id=7, query="What is 2 + 2?", panel=["lab/a", "lab/b"])
        frames = await ws.until(*ENDINGS)
        stored = await rest.all_events(frames[-1]["run_id"])
    assert frames[0]["type"] == "accepted"
    assert frames[0]["data"] == {"action": "query", "id": 7}
    assert {frame["v"] for frame in frames} == {1}
    assert len({frame["run_id"] for frame in frames}) == 1
    events = frames[1:]
    assert events[0]["type"] == "run.started"
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    assert frames[-1]["data"]["result"]["conclusion"] == "4"
    assert [e for e in events if not e["type"].endswith(".delta")] == stored
    said = ""
    for event in events:
        if event["type"] == "call.delta" and event["data"]["member"] == "lab/a":
            said = said[: event["data"]["offset"]] + event["data"]["text"]
    assert said
    assert FOUR.startswith(said)


@pytest.mark.usefixtures("each_engine")
async def test_a_run_is_taken_up_where_it_was_left(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest):
        up.model("a", Say(FOUR, hold_after="second"))
        up.model("b", FOUR)
        async with client(rest) as ws:
            await ws.send(action="query", query="What is 2 + 2?", panel=["lab/a", "lab/b"])
            first = await ws.until("call.finished")
        run_id, last = first[-1]["run_id"], first[-1]["seq"]
        # Text that it has seen before is not sent again: then it is left before that.
        held = [one["seq"] for one in first if one["type"] == "call.delta" and one["data"]["seat"] == 0]
        last = min([*held, last + 1]) - 1
        async with client(rest) as ws:
            await ws.send(action="subscribe", run_id=run_id, after=last)
            again = await ws.until("call.delta")
            assert again[-1]["data"]["offset"] == 0, "an open call begins again with its text so far"
            up.release("second")
            rest_of_it = await ws.until(*ENDINGS)
    later = [frame for frame in again + rest_of_it if frame["type"] != "accepted"]
    assert min(frame["seq"] for frame in later) > last
    assert rest_of_it[-1]["type"] == "run.finished"


@pytest.mark.usefixtures("each_engine")
async def test_cancel(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), client(rest) as ws:
        up.model("a", Say(FOUR, hold="never"))
        await ws.send(action="query", query="What is 2 + 2?", panel=["lab/a"])
        run_id = (await ws.until("call.started"))[-1]["run_id"]
        await ws.send(action="cancel", run_id=run_id, id="c")
        frames = await ws.until("accepted")
        assert frames[-1]["data"] == {"action": "cancel", "id": "c", "status": "cancelled"}
        if not any(frame["type"] == "run.cancelled" for frame in frames):
            await ws.until("run.cancelled")
        await up.until(lambda: not up.open, 1.0)


async def test_closing_the_connection_stops_nothing(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest):
        up.model("a", Say(FOUR, hold="later"))
        async with client(rest) as ws:
            await ws.send(action="query", query="What is 2 + 2?", panel=["lab/a"])
            run_id = (await ws.until("call.started"))[-1]["run_id"]
        up.release("later")
        events = await rest.all_events(run_id)
    assert events[-1]["type"] == "run.finished"


async def test_a_connection_that_sends_nothing_is_told_the_state(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, rest), client(rest) as ws:
        frame = await ws.next()
    assert (frame["type"], frame["v"], frame["run_id"]) == ("stats", 1, "")
    assert frame["data"]["calls"] == 0


@pytest.mark.usefixtures("each_engine")
async def test_following_everything(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), client(rest) as ws:
        up.model("a", Say(FOUR, latency=0.5))
        await ws.send(action="subscribe")
        await ws.until("accepted")
        asked = await rest.ask("What is 2 + 2?", ["lab/a"], wait=False)
        frames = await ws.until("run.finished")
    assert {frame["run_id"] for frame in frames} == {asked["session_id"]}
    assert frames[0]["type"] == "run.started"


async def test_ping(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, rest), client(rest) as ws:
        await ws.send(action="ping", id=[1])
        assert (await ws.until("pong"))[-1]["data"] == {"id": [1]}


REFUSED = {
    "not JSON": ("{", "invalid_input"),
    "no object": ('["ping"]', "invalid_input"),
    "no UTF-8": (b"\xff\xfe{}", "invalid_input"),
    "deep": ("[" * 100_000, "invalid_input"),
    "no action": ("{}", "invalid_input"),
    "unknown action": ('{"action": "dance"}', "invalid_input"),
    "action of another kind": ('{"action": ["ping"]}', "invalid_input"),
    "unknown field": ('{"action": "cancel", "run_id": "x", "run": "y"}', "invalid_input"),
    "unknown run": ('{"action": "subscribe", "run_id": "ses_nothing"}', "not_found"),
    "cancel of an unknown run": ('{"action": "cancel", "run_id": "ses_nothing"}', "not_found"),
    "after without a run": ('{"action": "subscribe", "after": 3}', "invalid_input"),
    "negative after": ('{"action": "subscribe", "run_id": "x", "after": -1}', "invalid_input"),
    "empty question": ('{"action": "query", "query": " "}', "invalid_input"),
    "unknown mode": ('{"action": "query", "query": "?", "mode": "slow"}', "invalid_input"),
    "unknown model": ('{"action": "query", "query": "?", "panel": ["lbb/a"]}', "model_not_found"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_frame_is_answered_and_the_connection_goes_on(tmp_path: Path, case: str) -> None:
    raw, code = REFUSED[case]
    async with scripted(tmp_path) as (up, rest), client(rest) as ws:
        up.model("a", FOUR)
        await ws.socket.send(raw)
        frame = (await ws.until("error"))[-1]
        assert frame["v"] == 1
        assert frame["data"]["error"]["code"] == code
        assert frame["data"]["error"]["message"]
        assert frame["data"]["error"]["request_id"]
        await ws.send(action="ping")
        await ws.until("pong")
        assert up.count() == 0


async def test_the_unknown_action_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, rest), client(rest) as ws:
        await ws.send(action="subscibe", id=3)
        data = (await ws.until("error"))[-1]["data"]
    assert data["id"] == 3
    assert "subscribe" in data["error"]["hint"]


async def test_other_origins_are_refused(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, rest):
        for origin in ("http://elsewhere.example", rest.url.replace("http", "https") + "1", "null"):
            with pytest.raises(InvalidStatus) as refused:
                async with client(rest, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
        async with client(rest, origin=rest.url) as ws:
            await ws.send(action="ping")
            await ws.until("pong")


async def test_without_a_key_nobody_gets_in(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY="k" * 32) as rest:
        with pytest.raises(InvalidStatus) as refused:
            async with client(rest):
                pass
        assert refused.value.response.status_code == 403
        async with client(rest, additional_headers={"authorization": "Bearer " + "k" * 32}) as ws:
            await ws.send(action="ping")
            await ws.until("pong")


async def test_a_slow_reader_slows_only_itself_down(tmp_path: Path) -> None:
    """A client that reads nothing for a while gets joined deltas and the same text in the end."""
    text = "word " * 4000 + "\nCONCLUSION: 4"
    async with scripted(tmp_path) as (up, rest), client(rest, max_queue=1, compression=None) as slow:
        up.model("a", Say(text, drip=0.001, piece=40))
        await slow.send(action="query", query="Say it often.", panel=["lab/a"])
        run_id = (await slow.until("call.started"))[-1]["run_id"]
        quick = await rest.all_events(run_id)
        assert quick[-1]["type"] == "run.finished"
        said, frames = "", 0
        for frame in await slow.until(*ENDINGS):
            frames += 1
            if frame["type"] == "call.delta":
                said = said[: frame["data"]["offset"]] + frame["data"]["text"]
            elif frame["type"] == "call.finished":
                assert frame["data"]["text"] == text
    assert text.startswith(said)
    assert frames < 1000
