"""Three server processes on one PostgreSQL and one Redis behind a plain balancer: no caller has to stay with one."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from tests.support.keys import BEARER, bearer, eventually, make_key
from tests.support.mcp import LEGACY, MODERN, Wire, bare, messages
from tests.support.replicas import CLOSE, Replicas
from tests.support.replicas import replicas as started
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import PRICE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.needs("postgresql"),
    pytest.mark.needs("redis"),
    pytest.mark.timeout(90),
]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"
ABC = ["lab/a", "lab/b", "lab/c"]
RATE = 12
"""Requests per minute to the provider `limited`."""
BUDGET = 0.003
"""USD in all for the provider `paid`."""
TAKEN_OVER = 15.0
"""Seconds after which a dead server's run must have ended elsewhere."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def replicas(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Replicas, None]:
    """Started once for all tests here; one that kills a server starts it again."""
    async with started(
        tmp_path_factory.mktemp("replicas"),
        budgets=[{"period": "total", "limit": BUDGET, "provider": "paid"}],
        limited={"limits": {"requests_per_minute": RATE}},
        paid={},
    ) as running:
        yield running


def stored(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without live text, which is shown in other pieces everywhere."""
    return [event for event in events if event["type"] not in ("call.delta", "synthesis.delta")]


def whole(events: list[dict[str, Any]]) -> None:
    """Every number once and rising, every call ended once, one beginning and one ending."""
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    ends = Counter(e["data"]["key"] for e in events if e["type"] in ("call.finished", "call.failed"))
    assert set(ends.values()) <= {1}, ends
    assert [e["type"] for e in events if e["type"].startswith("run.")] == ["run.started", events[-1]["type"]]


async def first(q: Rest, run: str, kind: str) -> int:
    """The number of the run's first event of this kind."""
    async for event in q.events(run):
        if event["type"] == kind:
            return event["seq"]
    raise AssertionError(f"no {kind}")


async def over_websocket(url: str, run: str, after: int) -> list[dict[str, Any]]:
    """The run's events from a number on, to its ending."""
    seen: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(headers=BEARER) as session, session.ws_connect(url + "/ws") as socket:
        await socket.send_json({"action": "subscribe", "run_id": run, "after": after})
        async for message in socket:
            event = message.json()
            if event["run_id"] == run and event["seq"]:
                seen.append(event)
                if event["type"].startswith("run.") and event["type"] != "run.started":
                    return seen
    raise AssertionError("the connection ended before the run")


async def test_a_session_begun_on_one_is_streamed_from_another(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(a=FOUR, b=Say(FIVE, latency=0.3), c=Say(FOUR, hold="first"))
    one, two, three = replicas.direct
    run = (await one.ask("2 + 2?", ABC, exhaustive=True, wait=False))["session_id"]
    following = asyncio.ensure_future(two.all_events(run))
    await up.until(lambda: up.count(outcome="finished") == 2)
    middle = await first(two, run, "call.finished")
    live = asyncio.ensure_future(over_websocket(three.url, run, middle))
    later = asyncio.ensure_future(three.all_events(run, middle))
    async with replicas.caller() as q:
        through = [asyncio.ensure_future(q.all_events(run)) for _ in range(3)]
        await asyncio.sleep(0.3)
        up.release("first")
        released = time.monotonic()
        everything = await asyncio.wait_for(following, 10)
        assert time.monotonic() - released < 2.0
        own = stored(await one.all_events(run))
        assert everything == own
        assert stored(await live) == stored(await later) == [event for event in own if event["seq"] > middle]
        assert [stored(await one) for one in through] == [own] * 3
    whole(own)
    sessions = [await q.session_of(run) for q in replicas.direct]
    assert sessions[0] == sessions[1] == sessions[2]
    assert sessions[0]["conclusion"] == "4"
    assert len(up.asked) == 3


async def test_live_text_is_seen_through_every_server(replicas: Replicas) -> None:
    """Also by one who comes late; numbers rise, and the pieces make up the text."""
    text = "It is four, for two and two are four. " * 12 + "\nCONCLUSION: 4"
    replicas.script(a=Say(text, drip=0.1, piece=20))
    async with replicas.caller() as q:
        run = (await q.ask("2 + 2?", ["lab/a"], wait=False))["session_id"]
        early = [asyncio.ensure_future(one.all_events(run)) for one in replicas.direct]
        await asyncio.sleep(1.0)
        late = [asyncio.ensure_future(one.all_events(run)) for one in replicas.direct]
        for events in await asyncio.gather(*early, *late):
            seqs = [event["seq"] for event in events]
            assert seqs == sorted(set(seqs))
            deltas = [event["data"] for event in events if event["type"] == "call.delta"]
            assert len(deltas) >= 5, "while the answer comes"
            seen = ""
            for delta in deltas:
                assert delta["offset"] <= len(seen), "no gap"
                seen = seen[: delta["offset"]] + delta["text"]
            assert text.startswith(seen)
            assert len(seen) > len(text) / 2
        assert stored(await early[0]) == stored(await late[-1])


async def test_one_idempotency_key_is_one_run_over_all(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(a=Say(FOUR, latency=0.3), b=FOUR)
    async with replicas.caller() as q:
        asked = [q.query("2 + 2?", ABC[:2], idempotency_key="one") for _ in range(9)]
        answers = await asyncio.gather(*asked)
        assert {answer.status for answer in answers} == {200}
        assert len({answer["session_id"] for answer in answers}) == 1
        assert len({str(sorted(answer.body.items())) for answer in answers}) == 1
        assert min(replicas.balanced.taken.values()) >= 3
        conflict = await q.query("3 + 3?", ABC[:2], idempotency_key="one")
        assert (conflict.status, conflict.error["code"]) == (409, "conflict")
    assert Counter(a.model for a in up.asked) == {"a": 1, "b": 1}


async def test_seats_are_stopped_and_runs_cancelled_through_any(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(a=FOUR, b=Say(fail="hang"), c=FOUR)
    async with replicas.caller() as q:
        for _ in range(3):
            run = (await q.ask("2 + 2?", ABC, exhaustive=True, wait=False))["session_id"]
            await up.until(lambda: len(up.open) == 1 and up.open[0].model == "b")
            began = time.monotonic()
            assert (await q.post(f"/api/session/{run}/seats/1/stop")).status == 200
            await up.until(lambda: not up.open)
            assert time.monotonic() - began < 2.0
            ending = (await q.all_events(run))[-1]
            assert (ending["type"], ending["data"]["result"]["conclusion"]) == ("run.finished", "4")
            run = (await q.ask("Hang.", ["lab/b"], wait=False))["session_id"]
            await up.until(lambda: len(up.open) == 1)
            began = time.monotonic()
            assert (await q.post(f"/api/session/{run}/cancel"))["status"] == "cancelled"
            await up.until(lambda: not up.open)
            assert time.monotonic() - began < 2.0
    assert up.count("b") == 6


async def test_mcp_of_2026_needs_no_stickiness(replicas: Replicas) -> None:
    replicas.script(a=FOUR, b=FOUR)
    before = dict(replicas.balanced.taken)
    async with bare(replicas.balanced.url, MODERN, **CLOSE) as wire:
        for _ in range(3):
            begun = await called(wire, "q_in", query="2 + 2?", providers=ABC[:2])
            answer = await called(wire, "q_out", session_id=begun["session_id"])
            assert (answer["session_id"], answer["conclusion"]) == (begun["session_id"], "4")
    assert all(replicas.balanced.taken[port] > count for port, count in before.items())


async def test_an_mcp_session_of_2025_is_reached_through_any(replicas: Replicas) -> None:
    """It lives in the process that it began in; the others hand on to it what belongs to it."""
    replicas.script(a=FOUR, b=FOUR)
    async with bare(replicas.direct[0].url, LEGACY, **BEARER) as wire:
        begun = await called(wire, "q_in", query="2 + 2?", providers=ABC[:2])
        for other in replicas.direct[1:]:
            wire.url = other.url + "/mcp"
            assert (await called(wire, "q_out", session_id=begun["session_id"]))["conclusion"] == "4"


async def called(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answered."""
    async with wire.call(tool, **arguments) as response:
        assert response.status == 200, await response.text()
        [*_, answer] = await messages(response)
    assert "result" in answer, answer
    return answer["result"]["structuredContent"]


async def test_a_killed_servers_runs_end_on_another_and_pay_once(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(a=FOUR, b=Say(FIVE, hold="killed"), c=FOUR)
    victim = random.randrange(3)
    print(f"victim {victim}")
    async with replicas.caller() as q:
        begun = [
            await replicas.direct[victim].ask("2 + 2?", ABC, exhaustive=True, wait=False) for _ in range(3)
        ]
        runs = [one["session_id"] for one in begun]
        others = [rest for n, rest in enumerate(replicas.direct) if n != victim]
        await up.until(lambda: up.count(outcome="finished") == 6 and len(up.open) == 3)
        for run in runs:
            await two_calls_stored(replicas, run)
        following = [asyncio.ensure_future(others[0].all_events(run)) for run in runs]
        await asyncio.sleep(0.2)
        replicas.servers[victim].kill()
        killed = time.monotonic()
        await up.until(lambda: not up.open)
        up.release("killed")
        for events in await asyncio.wait_for(asyncio.gather(*following), TAKEN_OVER):
            whole(events)
            answer = events[-1]["data"]["result"]
            assert (answer["conclusion"], answer["confidence"]) == ("4", 0.6667)
        print(f"all ended after {time.monotonic() - killed:.1f} s")
        assert Counter(a.model for a in up.asked) == {"a": 3, "b": 6, "c": 3}
        assert (await q.ask("2 + 2?", ABC))["conclusion"] == "4"  # The balancer goes past the dead one.
    await replicas.servers[victim].started()


async def test_the_run_of_a_dead_server_is_cancelled_at_once(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(hang=Say(fail="hang"))
    run = (await replicas.direct[2].ask("Hang.", ["lab/hang"], wait=False))["session_id"]
    await up.until(lambda: len(up.open) == 1)
    replicas.servers[2].kill()
    began = time.monotonic()
    assert (await replicas.direct[0].post(f"/api/session/{run}/cancel"))["status"] == "cancelled"
    assert time.monotonic() - began < 3.5
    whole(await replicas.direct[1].all_events(run))
    await replicas.servers[2].started()
    assert up.count("hang") == 1


async def test_a_frozen_server_that_wakes_up_appends_nothing(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(a=FOUR, b=[Say(FIVE, hold="thawed"), FIVE], c=FOUR)
    one, two, _ = replicas.direct
    run = (await one.ask("2 + 2?", ABC, exhaustive=True, wait=False))["session_id"]
    await up.until(lambda: up.count(outcome="finished") == 2 and len(up.open) == 1)
    await two_calls_stored(replicas, run)
    frozen = replicas.servers[0].process
    assert frozen is not None
    os.kill(frozen.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        events = await asyncio.wait_for(two.all_events(run), TAKEN_OVER)
        print(f"ended after {time.monotonic() - began:.1f} s")
        up.release("thawed")
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
    await up.until(lambda: not up.open)
    whole(events)
    assert events[-1]["data"]["result"]["conclusion"] == "4"
    assert (await one.ask("And?", ABC))["conclusion"] == "4"  # The old owner is as good as new.
    assert await two.all_events(run) == events
    assert stored(await one.all_events(run)) == events
    statuses = Counter[str]()
    async with asyncio.timeout(5):
        while statuses.total() < 4:
            await asyncio.sleep(0.05)
            rows = await replicas.store.rows(f"SELECT status FROM calls WHERE run_id = '{run}'")
            statuses = Counter(status for (status,) in rows)
    assert statuses in ({"ok": 4}, {"ok": 3, "cancelled": 1}), statuses


async def two_calls_stored(replicas: Replicas, run: str) -> None:
    """Return when the log holds the ends of two of the run's calls."""
    count = f"SELECT count(*) FROM events WHERE run_id = '{run}' AND type = 'call.finished'"
    async with asyncio.timeout(5):
        while await replicas.store.rows(count) != [(2,)]:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)


async def test_a_rate_holds_for_all_together(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(r=FOUR)
    began = time.monotonic()
    async with replicas.caller() as q:
        asked = [q.query(f"2 + {n}?", ["limited/r"], timeout_seconds=4) for n in range(3 * RATE + 6)]
        answers = await asyncio.gather(*asked)
    most = RATE * (1 + (time.monotonic() - began) / 60)
    served = [answer for answer in answers if answer.status == 200]
    refused = {(a.status, a.error["code"]) for a in answers if a.status != 200}
    print(f"{len(served)} of {len(answers)} served, {up.count('r')} requests, at most {most:.1f}")
    assert (429, "rate_limited") in refused
    assert refused <= {(429, "rate_limited"), (504, "provider_timeout")}  # The second on a busy machine.
    assert 0.75 * RATE <= up.count("r") <= most


async def test_a_budget_holds_for_all_together(replicas: Replicas) -> None:
    up = replicas.up
    replicas.script(p="Four, I say. " * 20)

    def bill() -> float:
        read, wrote = up.billed()
        return (read * PRICE["input_per_million"] + wrote * PRICE["output_per_million"]) / 1e6

    refusals = set[tuple[int, str]]()
    async with replicas.caller() as q:

        async def spend(refused: int = 0) -> None:
            while refused < 6:
                answer = await q.query("How much is 2 + 2?", ["paid/p"], max_tokens=120)
                if answer.status != 200:
                    refusals.add((answer.status, answer.error["code"]))
                    refused += 1
                    await asyncio.sleep(0.4)  # What others do not use comes back.

        await asyncio.gather(*(spend() for _ in range(9)))
        budgets = (await q.get("/api/budget"))["budgets"]
    print(f"billed {bill():.6f} of {BUDGET} USD in {up.count('p')} calls")
    assert refusals == {(402, "budget_exceeded")}
    assert 0.7 * BUDGET < bill() <= BUDGET
    [own] = [one for one in budgets if one["provider"] == "paid"]
    assert own["spent"] == pytest.approx(bill())


async def test_a_key_begins_and_ends_everywhere(replicas: Replicas) -> None:
    one, two, three = replicas.direct
    made = await make_key(one, scopes=["read"])

    async def statuses() -> set[int]:
        return {(await q.get("/api/sessions", headers=bearer(made["key"]))).status for q in (one, two, three)}

    async def works() -> bool:
        return await statuses() == {200}

    async def ended() -> bool:
        return await statuses() == {401}

    await eventually(works, 2.0)
    assert (await two.request("DELETE", f"/api/keys/{made['id']}")).status == 200
    await eventually(ended, 2.0)
