"""A server that is killed, stopped or joined by another one: runs go on, and nothing finished is paid for twice.

`./dev faults` runs the long forms.
"""

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.faults.stores import ended_calls, rows, stored_calls
from tests.support.open_question import QUESTION, REVIEWS, honest, placing
from tests.support.rest import Rest, client
from tests.support.script import Say
from tests.support.server import PRICE, Server, config
from tests.support.upstream import Upstream, upstream

LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600 if LONG else 60)]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"
ABC = ["lab/a", "lab/b", "lab/c"]
TAKEN_OVER = 15.0
"""Seconds after which a dead process's run must have been taken up: a stale heartbeat, a look, and slack."""


@asynccontextmanager
async def process(home: Path, up: Upstream, **more: Any) -> AsyncIterator[tuple[Server, Rest]]:
    """A server process that is ready, and a client of it; killed at the end."""
    server = Server(home, config(up.url, **more))
    async with client(server.url) as q:
        with await server.started():
            yield server, q


async def outcome(q: Rest, run: str, seconds: float = TAKEN_OVER) -> dict[str, Any]:
    """The run's last event, once it has ended."""
    events = await asyncio.wait_for(q.all_events(run), seconds)
    return events[-1]


async def collect(q: Rest, run: str, seen: list[dict[str, Any]]) -> None:
    """What a follower sees until its connection ends, which it must do properly."""
    async for event in q.events(run):
        seen.append(event)  # noqa: PERF401 - what came before a failure counts


def whole_log(events: list[dict[str, Any]]) -> None:
    """Every number once and rising, every call ended once, one ending."""
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    ends = Counter(e["data"]["key"] for e in events if e["type"] in ("call.finished", "call.failed"))
    assert set(ends.values()) <= {1}, ends
    assert Counter(e["type"] for e in events)["run.started"] == 1
    assert [e["type"] for e in events if e["type"].startswith("run.")] == ["run.started", events[-1]["type"]]


async def test_a_killed_run_goes_on_without_asking_again_what_was_answered(tmp_path: Path) -> None:
    async with upstream() as up, process(tmp_path, up) as (server, q):
        up.model("a", FOUR, critique="I stand by it.\nCONCLUSION: 4")
        up.model("b", FIVE, critique=Say("I stand by it.\nCONCLUSION: 5", hold="b"))
        up.model("c", FOUR, critique=Say("I stand by it.\nCONCLUSION: 4", hold_after="c"))
        run = (await q.ask("What is 2 + 2?", ABC, mode="full_deliberation", wait=False))["session_id"]
        await up.until(lambda: up.count("a", "critique", outcome="finished") == 1 and len(up.open) == 2)
        seen: list[dict[str, Any]] = []
        async for event in q.events(run):
            seen.append(event)
            if event["type"] == "call.finished" and event["data"]["key"].endswith("r2.critique.s0"):
                break
        server.kill()
        await up.until(lambda: not up.open)
        finished = ended_calls(tmp_path, run)
        assert len(finished) == 4
        up.release("b")
        up.release("c")
        await server.started()
        ending = await outcome(q, run)
        events = await q.all_events(run)
        session = await q.session_of(run)
        asked = Counter((a.model, a.kind) for a in up.asked)
        bill = up.billed()
    assert ending["type"] == "run.finished"
    answer = ending["data"]["result"]
    assert (answer["conclusion"], answer["confidence"], answer["rounds"]) == ("4", 0.6667, 2)
    assert not answer["degraded"]
    assert asked == {
        ("a", "seat"): 1, ("b", "seat"): 1, ("c", "seat"): 1,
        ("a", "critique"): 1, ("b", "critique"): 2, ("c", "critique"): 2,
    }  # fmt: skip
    whole_log(events)
    known = {event["seq"]: event for event in events}
    assert all(known[event["seq"]] == event for event in seen if event["seq"] in known)
    records = session["call_records"]
    assert Counter(record["status"] for record in records) == {"ok": 6, "unknown": 2}
    assert len({record["id"] for record in records}) == 8
    assert answer["calls"] == 6
    read = sum(r["input_tokens"] for r in records if r["status"] == "ok")
    assert read <= bill[0]


async def test_a_call_that_ended_just_before_a_kill_is_recorded_once(tmp_path: Path) -> None:
    """Killed between an answer and the database: the journal has it."""
    async with upstream() as up, process(tmp_path, up) as (server, q):
        for name in "ab":
            up.model(name, FOUR)
        late = 0
        for number in range(20 if LONG else 2):
            before = set(stored_calls(tmp_path))
            answer = await q.ask(f"{number} + 2?", ABC[:2])
            server.kill()
            late += len(set(stored_calls(tmp_path)) - before) < 2
            await server.started()
            calls = (await q.get(f"/api/calls?session_id={answer['session_id']}"))["calls"]
            assert {c["id"] for c in calls} == {r["call_id"] for r in answer["provider_responses"]}
            assert [c["status"] for c in calls] == ["ok", "ok"]
            assert sum(c["cost"] for c in calls) == pytest.approx(answer["total_cost"])
            assert (await q.session_of(answer["session_id"]))["conclusion"] == "4"
        everything = (await q.get("/api/calls?limit=500"))["calls"]
        assert len(everything) == len({c["id"] for c in everything}) == len(up.asked)
        assert late, "no kill came before the database had the records"


async def test_a_second_server_takes_over_and_cancels(tmp_path: Path) -> None:
    async with upstream() as up, process(tmp_path, up) as (first, q1):
        up.model("a", FOUR)
        up.model("b", Say(FIVE, hold="b"))
        up.model("c", Say(FOUR, hold="c"))
        up.model("hang", Say(fail="hang"))
        async with process(tmp_path, up) as (_, q2):
            run = (await q1.ask("2 + 2?", ABC, exhaustive=True, wait=False))["session_id"]
            other = (await q1.ask("Hang.", ["lab/hang"], wait=False))["session_id"]
            orphan = (await q1.ask("Hang on.", ["lab/hang"], wait=False))["session_id"]
            await up.until(lambda: up.count("a", outcome="finished") == 1 and len(up.open) == 4)
            # Across processes: the second server follows and cancels what the first one runs.
            assert (await q2.session_of(run))["status"] == "running"
            began = time.monotonic()
            assert (await q2.post(f"/api/session/{other}/cancel"))["status"] == "cancelled"
            assert time.monotonic() - began < 2.5
            await up.until(lambda: len(up.open) == 3, 1.0)
            stop = await q2.post(f"/api/session/{run}/seats/9/stop")
            assert (stop.status, stop.error["code"]) == (404, "not_found")
            following = asyncio.ensure_future(q2.all_events(run))
            await asyncio.sleep(0.6)
            first.kill()
            cancelling = asyncio.ensure_future(q2.post(f"/api/session/{orphan}/cancel"))
            up.release("b")
            up.release("c")
            events = await asyncio.wait_for(following, TAKEN_OVER)
            whole_log(events)
            answer = events[-1]["data"]["result"]
            assert (answer["conclusion"], answer["confidence"]) == ("4", 0.6667)
            assert Counter(a.model for a in up.asked if a.model in "abc") == {"a": 1, "b": 2, "c": 2}
            # Cancelled while nobody ran it: not a call is made for it any more.
            await cancelling
            await up.until(lambda: True)
            assert (await outcome(q2, orphan))["type"] == "run.cancelled"
            assert up.count("hang") == 2
            calls = (await q2.get(f"/api/calls?session_id={run}"))["calls"]
            assert Counter(call["status"] for call in calls) == {"ok": 3, "unknown": 2}


async def test_an_orderly_stop_leaves_its_runs_to_the_next_start(tmp_path: Path) -> None:
    async with upstream() as up, process(tmp_path, up) as (server, q):
        up.model("a", FOUR)
        up.model("b", Say(FOUR * 10, hold_after="b"))
        up.model("hang", [Say(fail="hang"), FOUR])
        run = (await q.ask("2 + 2?", ABC[:2], wait=False))["session_id"]
        seen: list[dict[str, Any]] = []
        following = asyncio.ensure_future(collect(q, run, seen))
        waiting = asyncio.ensure_future(q.query("3 + 3?", ["lab/hang"]))
        await up.until(lambda: up.count("a", outcome="finished") == 1)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        status = await asyncio.to_thread(server.stop)
        assert status == 0, server.log()
        assert time.monotonic() - began < 4
        await up.until(lambda: not up.open)
        await following
        left = await waiting
        assert (left.status, left.error["code"]) == (503, "server_unavailable")
        assert seen[-1]["type"] != "run.finished"
        assert rows(tmp_path, "SELECT status FROM runs") == [("running",)] * 2
        assert len(stored_calls(tmp_path)) == 3
        up.release("b")
        await server.started()
        last = max(event["seq"] for event in seen)
        rest = await asyncio.wait_for(q.all_events(run, last), TAKEN_OVER)
        assert rest[-1]["data"]["result"]["conclusion"] == "4"
        late = await outcome(q, left.error["details"]["session_id"])
        assert late["data"]["result"]["conclusion"] == "4"
        assert Counter(a.model for a in up.asked) == {"a": 1, "b": 2, "hang": 2}
        kept = [e for e in seen + rest if e["type"] not in ("call.delta", "synthesis.delta")]
        assert kept == await q.all_events(run)
        assert "Traceback" not in server.log()


async def test_idle_open_sessions_expire(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("hang", Say(fail="hang"))
        up.model("a", FOUR)
        async with process(tmp_path, up) as (_, q):
            run = (await q.ask("2 + 2?", ["lab/hang"], wait=False))["session_id"]
            done = (await q.ask("2 + 2?", ["lab/a"]))["session_id"]
            await up.until(lambda: len(up.open) == 1)
        await asyncio.sleep(1.2)
        server = Server(tmp_path, config(up.url), SESSION_TIMEOUT_HOURS=str(1 / 3600))
        async with client(server.url) as q:
            with await server.started():
                began = time.monotonic()
                while (await q.session_of(run))["status"] != "expired":
                    assert time.monotonic() - began < 5
                    await asyncio.sleep(0.05)
                assert await asyncio.wait_for(q.all_events(run), 2)
                assert (await q.session_of(done))["status"] == "completed"
                assert [
                    s["session_id"] for s in (await q.get("/api/sessions?status=expired"))["sessions"]
                ] == [run]
                # A run that somebody works on does not expire, however long it takes.
                slow = (await q.ask("2 + 2?", ["lab/hang"], wait=False))["session_id"]
                await asyncio.sleep(4)
                assert (await q.session_of(slow))["status"] == "running"
                assert up.count("hang") == 2
                assert (await q.ask("And now?", ["lab/a"], session_id=run))["turn"] == 2


async def test_a_bound_on_cost_holds_through_a_kill(tmp_path: Path) -> None:
    async with upstream() as up, process(tmp_path, up) as (server, q):
        up.model("a", FOUR, critique="I stand by it.\nCONCLUSION: 4")
        up.model("b", FIVE, critique=Say("I stand by it. " * 30, hold_after="b"))
        asked = {"mode": "full_deliberation", "max_tokens": 60}
        need = (await q.query("2 + 2?", ABC[:2], max_cost=1e-9, **asked)).error["details"]["needed_usd"]
        bound = need * 2.6
        run = (await q.ask("2 + 2?", ABC[:2], max_cost=bound, wait=False, **asked))["session_id"]
        await up.until(lambda: up.count(kind="critique", outcome="finished") == 1 and len(up.open) == 1)
        await asyncio.sleep(0.2)
        server.kill()
        up.release("b")
        await server.started()
        answer = (await outcome(q, run))["data"]["result"]
        read, wrote = up.billed()
        bill = (read * PRICE["input_per_million"] + wrote * PRICE["output_per_million"]) / 1e6
        assert bill <= bound
        assert bill <= answer["total_cost"] * 1.0001 <= bound * 1.0001


async def test_kills_at_any_moment(tmp_path: Path) -> None:
    """Random modes and moments: the run ends well, and no call whose end was stored is made again."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    modes = ("quick_consensus", "full_deliberation", "devils_advocate")
    async with upstream() as up, process(tmp_path, up) as (server, q):
        for name, text in REVIEWS.items():
            slow = {"latency": 0.1, "drip": 0.02}
            up.model(
                name, Say(text, **slow), critique=Say("I stand by it.", **slow), grouping=honest,
                placing=placing(1), synthesis=Say("All in all. " * 10, **slow),
                attack=Say("OBJECTION 1: It is slow.", **slow), defence=Say("1: REJECTED - no", **slow),
            )  # fmt: skip
        earlier: str | None = None
        for number in range(25 if LONG else 1):
            follow_up = {"session_id": earlier} if earlier and chance.random() < 0.5 else {}
            up.asked.clear()
            begun = await q.ask(
                f"{QUESTION} ({number})", ABC, mode=chance.choice(modes), wait=False, **follow_up
            )
            run = earlier = begun["session_id"]
            for _ in range(chance.randint(1, 2) if LONG else 1):
                await asyncio.sleep(chance.uniform(0.0, 1.2))
                server.kill()
                stored = {
                    key: data
                    for key, data in ended_calls(tmp_path, run).items()
                    if data["turn"] == begun["turn"]
                }
                before = Counter((a.model, a.kind) for a in up.asked)
                await server.started()
            ending = await outcome(q, run)
            assert ending["type"] == "run.finished", ending
            events = await q.all_events(run)
            whole_log([event for event in events if event["data"]["turn"] == begun["turn"]])
            roles = {"answer": "seat", "advocate": "attack", "synthesizer": "synthesis"}
            for key, data in stored.items():
                kind = roles.get(data["role"], data["role"])
                kind = ("placing" if "place" in key else "grouping") if kind == "judge" else kind
                now = Counter((a.model, a.kind) for a in up.asked)
                assert now[data["model"], kind] == before[data["model"], kind], (
                    f"{key}, run {number}, seed {seed}"
                )
            records = (await q.session_of(run))["call_records"]
            assert len(records) == len({record["id"] for record in records})


async def test_a_database_that_is_locked_for_a_while(tmp_path: Path) -> None:
    """Another program holds the database: the run waits for it and loses nothing."""
    async with upstream() as up, process(tmp_path, up) as (_, q):
        for name in "ab":
            up.model(name, Say(FOUR, latency=0.2))
        asking = asyncio.ensure_future(q.ask("2 + 2?", ABC[:2]))
        await up.until(lambda: len(up.asked) == 2)
        connection = sqlite3.connect(tmp_path / "quorum.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(1.5)
        assert not asking.done()
        connection.execute("COMMIT")
        connection.close()
        answer = await asyncio.wait_for(asking, 10)
        assert answer["conclusion"] == "4"
        assert len(up.asked) == 2
        assert len((await q.session_of(answer["session_id"]))["call_records"]) == 2
