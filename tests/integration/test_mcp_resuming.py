"""Streams of the older revision, taken up again with the number of the last event."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse
from tests.support.mcp import LEGACY, MODERN, Wire, bare
from tests.support.script import Say
from tests.support.server import scripted

from quorum_mcp.api.mcp import resuming
from quorum_mcp.api.mcp.resuming import MOST_EVENTS, MOST_STREAMS, RETRY_MILLISECONDS, Sent

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
NOTE = JSONRPCNotification(jsonrpc="2.0", method="notifications/progress")
SAID = [{"role": "user", "content": "x"}]
ASKED = {"model": "lab/a", "messages": SAID}


class Event(dict[str, str]):
    """The fields of one event."""

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self["data"])


def events(text: str) -> list[Event]:
    found = [
        Event(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        for block in text.replace("\r\n", "\n").split("\n\n")
    ]
    return [event for event in found if "id" in event or "data" in event]


async def resumed(wire: Wire, last: str) -> list[Event]:
    headers = wire._headers | {"last-event-id": last, "accept": "text/event-stream"}
    async with wire._session.get(wire.url, headers=headers) as response:
        assert response.status == 200
        return events(await response.text())


async def test_an_answer_that_got_lost_is_sent_again(tmp_path: Path) -> None:
    async with (
        scripted(tmp_path) as (up, rest),
        bare(rest.url, LEGACY) as wire,
        bare(rest.url, LEGACY) as other,
    ):
        up.model("a", Say("done", latency=0.1))
        async with wire.call("generate", token=1, **ASKED) as response:
            first, *_, last = events(await response.text())
        assert first.get("data", "") == ""
        assert first["retry"] == str(RETRY_MILLISECONDS)
        again = await resumed(wire, first["id"])
        assert again[-1].message == last.message
        assert again[-1].message["result"]["structuredContent"]["answer"] == "done"
        assert await resumed(wire, last["id"]) == []
        assert up.count() == 1
        # The numbers of requests are the same in every session, and so are those of events.
        async with other.call("count_tokens", text="x") as response:
            assert events(await response.text())[0]["id"] == first["id"]
        assert "tokens" in (await resumed(other, first["id"]))[-1].message["result"]["structuredContent"]
        for nonsense in ("x", "1", "1.99", "-1." + first["id"], "9" * 30 + ".2"):
            assert await resumed(wire, nonsense) == []


async def test_a_dropped_call_is_stopped_and_says_so_later(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, LEGACY) as wire:
        up.model("a", Say(fail="hang"))
        seen = bytearray()

        async def call() -> None:
            async with wire.call("generate", token=3, **ASKED) as response:
                async for piece in response.content.iter_any():
                    seen.extend(piece)

        calling = asyncio.ensure_future(call())
        await up.until(lambda: up.count() == 1)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await up.until(lambda: up.count(outcome="dropped") == 1, 1.0)
        for _ in range(50):
            if told := await resumed(wire, events(seen.decode())[0]["id"]):
                break
            await asyncio.sleep(0.02)
        assert "cancelled" in told[-1]["data"].lower()


async def test_the_newer_revision_has_no_such_streams(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, MODERN) as wire:
        up.model("a", Say("done", latency=0.1))
        async with wire.call("generate", token=1, **ASKED) as response:
            assert not any("id" in event for event in events(await response.text()))


async def test_nothing_is_missed_while_a_stream_is_taken_up() -> None:
    sent, got = Sent(), asyncio.Queue[str | None]()

    async def take(event: EventMessage) -> None:
        await asyncio.sleep(0)
        got.put_nowait(event.event_id)

    begun = await sent.store_event("7", None)
    missed = [await sent.store_event("7", NOTE)]
    following = [asyncio.ensure_future(sent.replay_events_after(begun, take)) for _ in range(2)]
    for _ in range(20):
        missed.append(await sent.store_event("7", NOTE))
        await asyncio.sleep(0)
    missed.append(await sent.store_event("7", JSONRPCResponse(jsonrpc="2.0", id=7, result={})))
    assert await asyncio.gather(*following) == [None, None]
    heard = [got.get_nowait() for _ in range(got.qsize())]
    assert sorted(heard) == sorted(missed * 2)


async def test_little_is_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "KEEP_SECONDS", 0.05)
    sent, got = Sent(), list[EventMessage]()

    async def take(event: EventMessage) -> None:
        got.append(event)

    begun = await sent.store_event("0", None)
    for _ in range(MOST_EVENTS + 10):
        await sent.store_event("0", NOTE)
    following = asyncio.ensure_future(sent.replay_events_after(begun, take))
    await asyncio.sleep(0)
    assert len(got) == MOST_EVENTS
    for stream in range(1, MOST_STREAMS + 1):
        await sent.store_event(str(stream), None)
    assert await asyncio.wait_for(following, 1) is None  # it is not kept any more, so nobody waits for it
    assert await sent.replay_events_after(begun, take) is None
    await sent.store_event("1", JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    assert len(sent._streams) == MOST_STREAMS
    await asyncio.sleep(0.1)
    assert "1" not in sent._streams
