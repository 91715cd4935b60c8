"""The events of a run: numbered, re-attachable, and adding up to the texts; and runs that are stopped."""

import asyncio
import contextlib
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20), pytest.mark.usefixtures("each_engine")]
FOUR = "Two and two is four.\nCONCLUSION: 4"
LONG = "Ünïcödé 🦊 words, one after the other: " * 12 + "\nCONCLUSION: 4"
DELTAS = ("call.delta", "synthesis.delta")
ENDINGS = ("run.finished", "run.failed", "run.cancelled")


def texts(events: list[dict[str, Any]]) -> dict[str, str]:
    """The text of every call, put together as a client does: text[:offset] + delta."""
    found: dict[str, str] = {}
    for event in events:
        if event["type"] in DELTAS:
            data = event["data"]
            so_far = found.get(data["key"], "")
            assert data["offset"] <= len(so_far), "a gap"
            found[data["key"]] = so_far[: data["offset"]] + data["text"]
    return found


def stored(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] not in DELTAS]


async def attach(q: Rest, run: str, after: int, most: float) -> list[dict[str, Any]]:
    """What one attachment sees in `most` seconds."""
    seen: list[dict[str, Any]] = []

    async def read() -> None:
        async for event in q.events(run, after):
            seen.append(event)  # noqa: PERF401 - what came before the time is over counts

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(read(), most)
    return seen


async def test_events_tell_the_whole_run_in_order(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(LONG, drip=0.02))
        up.model("b", Say(LONG, drip=0.01))
        up.model("c", Say(FOUR))
        up.model("judge", synthesis=Say(LONG, drip=0.02))
        panel = ["lab/a", "lab/b", "lab/c"]
        started = await q.ask("2 + 2?", panel, wait=False, synthesizer="lab/judge")
        events = await q.all_events(started["session_id"])
        again = await q.all_events(started["session_id"])
        session = await q.session_of(started["session_id"])
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert all(event["v"] == 1 and event["run_id"] == started["run_id"] for event in events)
    types = [event["type"] for event in stored(events)]
    assert (types[0], types[-1]) == ("run.started", "run.finished")
    assert {"round.started", "call.started", "call.finished", "agreement.measured"} < set(types)
    assert again == stored(events)
    assert session["last_seq"] == seqs[-1]
    finished = {e["data"]["key"]: e["data"] for e in events if e["type"] == "call.finished"}
    built = texts(events)
    assert len(built) == 3
    for key, text in built.items():  # what came in the last moment is only in `call.finished`
        assert finished[key]["text"].startswith(text)
        assert text
    assert {data["text"] for data in finished.values() if data["role"] == "answer"} == {LONG}
    result = events[-1]["data"]["result"]
    assert result["consensus"] == session["consensus"]
    offered = [e for e in events if e["type"] == "synthesis.delta"]
    assert len(offered) > 1


async def test_two_attachments_miss_nothing_and_see_nothing_twice(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with scripted(tmp_path) as (up, q):
        for name in "abcd":
            up.model(name, Say(LONG, drip=0.02, latency=0.05))
        for _ in range(5):
            panel = ["lab/a", "lab/b", "lab/c", "lab/d"]
            run = (await q.ask("2 + 2?", panel, wait=False, exhaustive=True))["session_id"]
            whole = asyncio.ensure_future(q.all_events(run))
            first = await attach(q, run, 0, chance.uniform(0.0, 0.5))
            last = first[-1]["seq"] if first else 0
            second = await attach(q, run, last, 5)
            complete = await whole
            assert [e["seq"] for e in second] == sorted({e["seq"] for e in second})
            assert all(event["seq"] > last for event in second)
            assert stored(first) + stored(second) == stored(complete)
            final = {e["data"]["key"]: e["data"]["text"] for e in complete if e["type"] == "call.finished"}
            assert all(final[key].startswith(text) for key, text in texts(complete).items())
            # An open call begins anew with its text so far, so each attachment is whole by itself.
            late = {e["data"]["key"] for e in second if e["type"] in DELTAS}
            assert all(final[key].startswith(text) for key, text in texts(second).items())
            assert late <= set(final)


async def test_after_the_end_of_the_log(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        answer = await q.ask("2 + 2?", ["lab/a"])
        run = answer["session_id"]
        last = (await q.all_events(run))[-1]["seq"]
        assert await q.all_events(run, last) == []
        assert await q.all_events(run, last + 10) == []
        assert [e["type"] for e in await q.all_events(run, last - 1)] == ["run.finished"]
        headers = {"last-event-id": str(last - 1)}
        resumed = await q.get(f"/api/session/{run}/events", headers=headers)
        assert resumed.body.count("data: ") == 1
        for wrong in ("-1", "x", "1e3", "9" * 30):
            refused = await q.get(f"/api/session/{run}/events?after={wrong}")
            assert (refused.status, refused.error["code"]) == (422, "invalid_input")
        unknown = await q.get("/api/session/ses_none/events")
        assert (unknown.status, unknown.error["code"]) == (404, "not_found")


async def test_a_retried_answer_begins_anew(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        wrong = "This will be cut in the middle of it, sadly. " * 8
        up.model("a", [Say(wrong, fail="cut", drip=0.03), Say(LONG, drip=0.02)])
        run = (await q.ask("2 + 2?", ["lab/a"], wait=False))["session_id"]
        events = await q.all_events(run)
    (text,) = texts(events).values()
    assert LONG.startswith(text)
    assert text
    shown = "".join(e["data"]["text"] for e in events if e["type"] == "call.delta")
    assert "cut in the middle" in shown


async def hanging(up: Upstream, q: Rest) -> str:
    """A run whose seats all hang, in the middle of their answers or before."""
    up.model("a", Say(fail="hang"))
    up.model("b", Say(LONG, hold_after="never"))
    up.model("c", Say(FOUR))
    answer = await q.ask("2 + 2?", ["lab/a", "lab/b", "lab/c"], wait=False, exhaustive=True)
    await up.until(lambda: len(up.asked) == 3 and len(up.open) == 2)
    return answer["session_id"]


async def test_cancel_drops_every_connection_within_a_second(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        run = await hanging(up, q)
        following = asyncio.ensure_future(q.all_events(run))
        began = time.monotonic()
        answer = await q.post(f"/api/session/{run}/cancel")
        assert (answer.status, answer["status"]) == (200, "cancelled")
        await up.until(lambda: not up.open, 1.0)
        assert time.monotonic() - began < 1.0
        events = await following
        assert events[-1]["type"] == "run.cancelled"
        assert up.count(outcome="dropped") == 2
        session = await q.session_of(run)
        assert (session["status"], session["error"]["code"]) == ("cancelled", "cancelled")
        records = {r["model"]: r for r in session["call_records"]}
        assert {name: r["status"] for name, r in records.items()} == {
            "a": "cancelled",
            "b": "cancelled",
            "c": "ok",
        }
        # What was cut may have been billed, so it counts.
        assert all(r["cost"] > 0 for r in records.values())
        assert records["b"]["estimated"]
        assert session["session_cost"] == pytest.approx(sum(r["cost"] for r in records.values()))
        again = await q.post(f"/api/session/{run}/cancel")
        assert (again.status, again["status"]) == (200, "cancelled")
        assert (await q.post("/api/session/ses_none/cancel")).status == 404
        assert (await q.get("/api/sessions?status=running"))["sessions"] == []
        up.model("a", FOUR)
        assert (await q.ask("And now?", ["lab/a"], session_id=run))["turn"] == 2


async def test_cancelling_what_has_ended_changes_nothing(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        run = (await q.ask("2 + 2?", ["lab/a"]))["session_id"]
        answer = await q.post(f"/api/session/{run}/cancel")
        assert (answer.status, answer["status"]) == (200, "completed")
        assert (await q.session_of(run))["conclusion"] == "4"


async def test_cancels_around_the_end_leave_exactly_one_ending(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR, latency=0.03))

        async def cancel(run: str, after: float) -> Answer:
            await asyncio.sleep(after)
            return await q.post(f"/api/session/{run}/cancel")

        async def one() -> None:
            run = (await q.ask("2 + 2?", ["lab/a"], wait=False))["session_id"]
            await asyncio.sleep(chance.uniform(0, 0.08))
            answers = await asyncio.gather(*(cancel(run, chance.uniform(0, 0.01)) for _ in range(3)))
            events = await q.all_events(run)
            endings = [event["type"] for event in events if event["type"] in ENDINGS]
            status = (await q.session_of(run))["status"]
            assert len(endings) == 1, endings
            assert endings == [{"completed": "run.finished", "cancelled": "run.cancelled"}[status]]
            assert {a["status"] for a in answers} == {status}

        for _ in range(4):
            await asyncio.gather(*(one() for _ in range(8)))
        assert not up.open


async def test_a_caller_that_hangs_up_stops_its_blocking_query(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(LONG, hold_after="never"))
        up.model("b", Say(fail="hang"))
        asking = asyncio.ensure_future(q.query("2 + 2?", ["lab/a", "lab/b"]))
        await up.until(lambda: len(up.open) == 2)
        asking.cancel()
        began = time.monotonic()
        await up.until(lambda: not up.open, 1.0)
        assert time.monotonic() - began < 1.0
        sessions = (await q.get("/api/sessions"))["sessions"]
        await asyncio.sleep(0.1)
        session = await q.session_of(sessions[0]["session_id"])
        assert session["status"] == "cancelled"
        assert [(r["status"], r["cost"] > 0) for r in session["call_records"]] == [("cancelled", True)] * 2


async def test_a_run_that_was_not_waited_for_survives_its_caller(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(FOUR, latency=0.4))
        run = (await q.ask("2 + 2?", ["lab/a"], wait=False))["session_id"]
        await attach(q, run, 0, 0.1)
        await q.close()
        other = Rest(q.url)
        events = await other.all_events(run)
        await other.close()
        assert events[-1]["data"]["result"]["conclusion"] == "4"
        assert up.count("a", outcome="finished") == 1


async def test_hanging_up_at_any_moment_leaves_nothing_running(tmp_path: Path) -> None:
    """Also in the moment between the run being stored and being begun."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(fail="hang"))
        for _ in range(25):
            timeout = aiohttp.ClientTimeout(total=chance.uniform(0.001, 0.05))
            body = {"query": "2 + 2?", "panel": ["lab/a"]}
            with pytest.raises((TimeoutError, aiohttp.ClientError)):
                await q.post("/api/query", body, timeout=timeout)
        await up.until(lambda: not up.open, 1.0)
        await asyncio.sleep(0.2)
        open_now = (await q.get("/api/sessions?status=running"))["sessions"]
        assert open_now == []
        assert not up.open
