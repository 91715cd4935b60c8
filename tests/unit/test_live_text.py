"""Live text told to other processes: late listeners, lost messages, calls that begin anew."""

import asyncio
from contextlib import suppress

import pytest

from quorum_mcp import codec
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.events import Event
from quorum_mcp.runs.live import Message, Teller, Voice
from quorum_mcp.runs.partials import Partials

pytestmark = pytest.mark.anyio
WHO = {"key": "k", "member": "lab/a"}


class Air:
    """What was told, and how many heard it."""

    def __init__(self, listeners: int = 1) -> None:
        self.listeners = listeners
        self.away = False
        self.told: list[Message] = []

    async def send(self, data: bytes) -> int:
        if self.away:
            raise StoreUnavailable("Redis is away")
        self.told.append(codec.decode(data, Message))
        return self.listeners


class Run:
    def __init__(self, air: Air) -> None:
        self.partials = Partials()
        self.teller = Teller(air.send, self.partials, lambda: 1)
        self.number = 2

    async def say(self, text: str) -> None:
        self.partials.add("k", text, WHO, "call.delta")
        self.number = self.partials.show(self.number)
        self.teller.tell()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def heard(events: list[Event], before: str = "") -> str:
    for event in events:
        offset = event.data["offset"]
        assert offset <= len(before), "no gap"
        before = before[:offset] + event.data["text"]
    return before


async def test_only_what_is_new_is_told_and_the_whole_now_and_then() -> None:
    air = Air()
    run = Run(air)
    for word in ("one ", "two ", "three "):
        await run.say(word)
    assert [(p.offset, p.text) for m in air.told for p in m.pieces] == [
        (0, "one "),
        (4, "two "),
        (8, "three "),
    ]
    assert all(message.stored == 1 for message in air.told)


async def test_a_gap_is_filled_by_the_next_whole_message(monkeypatch: pytest.MonkeyPatch) -> None:
    air, voice = Air(), Voice("ses_1")
    run = Run(air)
    await run.say("one ")
    await run.say("two ")
    voice.take(air.told[1])
    assert voice.since(0) == [], "its beginning was missed"
    monkeypatch.setattr("quorum_mcp.runs.live.WHOLE_SECONDS", 0.0)
    run.teller._whole_at = 0.0  # noqa: SLF001 - a second later
    await run.say("three ")
    voice.take(air.told[2])
    assert heard(voice.since(0)) == "one two three "


async def test_a_call_that_begins_anew_begins_at_its_beginning() -> None:
    air, voice = Air(), Voice("ses_1")
    run = Run(air)
    await run.say("It is five, ")
    voice.take(air.told[0])
    seen = heard(voice.since(0))
    run.partials.forget("k")
    await run.say("four")
    voice.take(air.told[1])
    events = voice.since(2)
    assert [event.data["offset"] for event in events] == [0]
    assert heard(events, seen) == "four"
    run.partials.forget("k")
    run.partials.add("other", "x", WHO, "call.delta")
    run.number = run.partials.show(run.number)
    run.teller.tell()
    await asyncio.sleep(0.01)
    voice.take(air.told[2])
    assert [event.data["text"] for event in voice.since(3)] == ["x"], "what has ended is forgotten"


@pytest.mark.parametrize("away", [False, True])
async def test_nobody_listens_or_redis_is_away(away: bool) -> None:
    """Then a run tells hardly anything, and the first who hears again hears all of it."""
    air = Air(listeners=0)
    air.away = away
    run = Run(air)
    for _ in range(10):
        await run.say("word ")
    assert len(air.told) == (0 if away else 1)
    air.listeners, air.away = 1, False
    run.teller._alone_until = 0.0  # noqa: SLF001 - a second later
    await run.say("end")
    assert air.told[-1].pieces[0].text == "word " * 10 + "end"
    with suppress(asyncio.CancelledError):
        await run.teller.close()
