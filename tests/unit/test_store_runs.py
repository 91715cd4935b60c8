"""Runs: one owner at a time, whoever dies or sleeps; nothing half-stored; one turn for one idempotency key."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from tests.support.stores import Store
from tests.unit.storing import child, event, output, run

from quorum_mcp.errors import Conflict, NotFound
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.run_list import RunList
from quorum_mcp.store.run_rows import Key, NewTurn, StaleOwner, body_hash
from quorum_mcp.store.runs import Runs

pytestmark = pytest.mark.anyio
ENDED: dict[str, Any] = {"output": "{}", "total_cost": 7, "calls": 2, "simulated": False}


async def test_a_new_run_is_running_under_its_owner(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run(deadline_at=99)
        assert (await runs.create(new)).epoch == 1
        stored = await runs.get(new.id)
        assert stored is not None
        assert (stored.status, stored.owner, stored.epoch, stored.turn) == ("running", "one", 1, 1)
        assert (stored.input, stored.output, stored.deadline_at) == (new.input, None, 99)
        assert abs(stored.heartbeat_at - now_us()) < 5 * MICROSECONDS


async def test_a_run_without_an_owner_waits_for_one(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        started = await runs.create(run(owner=None))
        stored = await runs.get(started.run_id)
        assert stored is not None
        assert (stored.status, stored.epoch) == ("queued", 0)
        assert await runs.claim(started.run_id, "two", expected_epoch=0) == 1
        assert await runs.claim(started.run_id, "three", expected_epoch=0) is None


async def test_another_tenant_sees_no_run(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run(tenant="a")
        await runs.create(new)
        assert await runs.get(new.id, tenant="a") is not None
        assert await runs.get(new.id, tenant="b") is None
        assert await runs.get(new.id, tenant="") is None
        assert not await runs.request_cancel(new.id, tenant="b")
        with pytest.raises(NotFound):
            await runs.start_turn(NewTurn(run_id=new.id, tenant="b", input="{}", mode="m"))


async def test_one_key_starts_one_run(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        key = Key("k", body_hash({"a": 1, "b": 2}))
        assert key.body_hash == body_hash({"b": 2, "a": 1})
        started = await asyncio.gather(*(runs.create(run(), key=key) for _ in range(10)))
        assert [one.created for one in started].count(True) == 1
        assert len({one.run_id for one in started}) == 1
        assert sum((await RunList(database).counts()).values()) == 1
        with pytest.raises(Conflict, match="idempotency key") as refused:
            await runs.create(run(), key=Key("k", body_hash({"a": 2})))
        assert refused.value.details["session_id"] == started[0].run_id
        assert (await runs.create(run(tenant="other"), key=key)).created
        assert sum((await RunList(database).counts()).values()) == 2


async def test_a_follow_up_is_the_next_turn_of_an_ended_run(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run()
        await runs.create(new)
        turn = NewTurn(run_id=new.id, tenant="local", input='"more"', mode="full_deliberation", owner="two")
        with pytest.raises(Conflict, match="still running"):
            await runs.start_turn(turn)
        await runs.finish(new.id, 1, "completed", **ENDED)
        key = Key("k", "hash")
        first, again = await runs.start_turn(turn, key=key), await runs.start_turn(turn, key=key)
        assert (first.turn, first.epoch, first.created) == (2, 2, True)
        assert (again.turn, again.run_id, again.created) == (2, new.id, False)
        with pytest.raises(Conflict, match="idempotency key"):
            await runs.start_turn(turn, key=Key("k", "other"))
        stored = await runs.get(new.id)
        assert stored is not None
        assert (stored.status, stored.input, stored.output, stored.finished_at) == (
            "running",
            '"more"',
            "{}",
            None,
        )


async def test_a_refused_follow_up_uses_up_no_key(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new, key = run(), Key("k", "hash")
        await runs.create(new)
        turn = NewTurn(run_id=new.id, tenant="local", input="{}", mode="m", owner="two")
        with pytest.raises(Conflict, match="still running"):
            await runs.start_turn(turn, key=key)
        await runs.finish(new.id, 1, "completed", **ENDED)
        assert (await runs.start_turn(turn, key=key)).created


async def test_events_come_back_as_they_were_stored(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        new = run()
        await runs.create(new)
        events = [
            event(new.id, 1, "run.started", seats=["a", "b"]),
            event(new.id, 5_000_000_000, "call.finished", text="Grüße \x00 \U0001f600"),
            event(new.id, 5_000_000_001, "round.finished"),
        ]
        await log.append(new.id, 1, events[:1])
        await log.append(new.id, 1, events[1:])
        assert await log.read(new.id) == events
        assert await log.read(new.id, after=1, limit=1) == events[1:2]
        assert await log.read(new.id, types=["run.started", "round.finished"]) == [events[0], events[2]]
        assert await log.last_seq(new.id) == 5_000_000_001
        assert await log.last_seq("ses_none") == 0


async def test_a_number_is_used_once_and_a_batch_is_stored_whole(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        new = run()
        await runs.create(new)
        await log.append(new.id, 1, [event(new.id, 2)])
        with pytest.raises(IntegrityError):
            await log.append(new.id, 1, [event(new.id, 1), event(new.id, 2)])
        assert [one.seq for one in await log.read(new.id)] == [2]


async def test_a_stale_owner_stores_nothing(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        new = run()
        await runs.create(new)
        assert await runs.claim(new.id, "two", expected_epoch=1) == 2
        with pytest.raises(StaleOwner):
            await log.append(new.id, 1, [event(new.id, 1)])
        with pytest.raises(StaleOwner):
            await runs.finish(new.id, 1, "completed", **ENDED, events=[event(new.id, 1, "run.finished")])
        assert await log.read(new.id) == []
        assert await runs.heartbeat("one", [new.id]) == []
        await log.append(new.id, 2, [event(new.id, 1)])
        stored = await runs.get(new.id)
        assert stored is not None
        assert (stored.status, stored.owner) == ("running", "two")


async def test_an_ended_run_takes_no_more_events(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        new = run()
        await runs.create(new)
        await runs.finish(new.id, 1, "failed", **ENDED, events=[event(new.id, 1, "run.failed")])
        with pytest.raises(StaleOwner):
            await log.append(new.id, 1, [event(new.id, 2)])
        assert await runs.claim(new.id, "two") is None
        stored = await runs.get(new.id)
        assert stored is not None
        assert (stored.status, stored.output, stored.total_cost, stored.calls) == ("failed", "{}", 7, 2)
        assert stored.finished_at


CLAIM = """
import asyncio, sys
from quorum_mcp.store.database import Database
from quorum_mcp.store.runs import Runs

async def main():
    database = await Database.open(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(30):
        if await Runs(database).claim(f"ses_{n}", sys.argv[2], expected_epoch=1):
            print(n, flush=True)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.timeout(20)
async def test_of_processes_that_claim_at_once_one_gets_each_run(store: Store) -> None:
    async with store.opened() as database:
        for n in range(30):
            await Runs(database).create(run(id=f"ses_{n}"))
        children = [await child(CLAIM, store.url, f"process {n}") for n in range(3)]
        for process in children:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        for process in children:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        claimed = [int(line) for process in children for line in (await output(process)).split()]
        assert sorted(claimed) == list(range(30))
        for n in range(30):
            stored = await Runs(database).get(f"ses_{n}")
            assert stored is not None
            assert stored.epoch == 2


@pytest.mark.timeout(30)
async def test_after_a_claim_nothing_of_the_old_owner_is_stored(store: Store) -> None:
    """Two processes' worth of connections: one appends all the time, the other claims at a random moment."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    async with store.opened() as old, store.opened() as new:

        async def append(run_id: str) -> None:
            with pytest.raises(StaleOwner):
                for seq in range(1, 1_000_000):
                    await EventLog(old).append(run_id, 1, [event(run_id, seq)])

        async def race(run_id: str) -> None:
            owner = asyncio.create_task(append(run_id))
            await asyncio.sleep(source.uniform(0.0, 0.2))
            assert await Runs(new).claim(run_id, "two", expected_epoch=1) == 2
            stored = len(await EventLog(new).read(run_id))
            await owner
            assert len(await EventLog(new).read(run_id)) == stored

        ids = [(await Runs(old).create(run())).run_id for _ in range(12)]
        await asyncio.gather(*(race(run_id) for run_id in ids))


@pytest.mark.timeout(30)
async def test_heartbeats_and_expiries_of_the_same_runs_do_not_block_each_other(store: Store) -> None:
    async with store.opened() as one, store.opened() as two:
        ids = [(await Runs(one).create(run())).run_id for _ in range(40)]
        for _ in range(5):
            beats = await asyncio.gather(
                Runs(one).heartbeat("one", ids),
                Runs(two).heartbeat("one", ids[::-1]),
                Runs(two).expire_idle(1),
                *(EventLog(one).append(run_id, 1, []) for run_id in ids[::7]),
                Runs(one).heartbeat("one", ids[5:30]),
            )
            assert sorted(beat.run_id for beat in beats[0]) == sorted(ids)


async def test_only_a_silent_owner_loses_its_run(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run()
        await runs.create(new)
        assert await runs.claim(new.id, "two", stale_seconds=30) is None
        assert await runs.stale(30) == []
        await store.execute("UPDATE runs SET heartbeat_at = heartbeat_at - ?", 31 * MICROSECONDS)
        assert [one.id for one in await runs.stale(30)] == [new.id]
        assert [one.run_id for one in await runs.heartbeat("one", [new.id, "ses_none"])] == [new.id]
        assert await runs.claim(new.id, "two", stale_seconds=30) is None
        await store.execute("UPDATE runs SET heartbeat_at = heartbeat_at - ?", 31 * MICROSECONDS)
        assert await runs.claim(new.id, "two", stale_seconds=30) == 2
        assert await runs.stale(30) == []


async def test_a_clock_that_jumped_back_leaves_no_run_behind(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run()
        await runs.create(new)
        await store.execute("UPDATE runs SET heartbeat_at = heartbeat_at + ?", 3600 * MICROSECONDS)
        assert await runs.claim(new.id, "two", stale_seconds=30) == 2


async def test_an_append_is_a_heartbeat(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        new = run()
        await runs.create(new)
        await store.execute("UPDATE runs SET heartbeat_at = 0")
        await log.append(new.id, 1, [event(new.id, 1)])
        assert await runs.stale(30) == []


async def test_a_cancel_reaches_the_owner(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        first, second = run(), run()
        for new in (first, second):
            await runs.create(new)
        assert await runs.cancel_requested([first.id, second.id]) == set()
        assert await runs.request_cancel(first.id)
        assert await runs.cancel_requested([first.id, second.id]) == {first.id}
        beats = {
            beat.run_id: beat.cancel_requested for beat in await runs.heartbeat("one", [first.id, second.id])
        }
        assert beats == {first.id: True, second.id: False}
        await runs.finish(first.id, 1, "cancelled", **ENDED)
        assert not await runs.request_cancel(first.id)
        turn = NewTurn(run_id=first.id, tenant="local", input="{}", mode="m", owner="one")
        await runs.start_turn(turn)
        assert await runs.cancel_requested([first.id]) == set()
        assert await runs.cancel_requested([]) == set()
        assert await runs.heartbeat("one", []) == []


async def test_idle_open_runs_expire_and_keep_their_events(store: Store) -> None:
    async with store.opened() as database:
        runs, log = Runs(database), EventLog(database)
        idle, queued, done, busy = run(), run(owner=None), run(), run()
        for new in (idle, queued, done, busy):
            await runs.create(new)
        await log.append(idle.id, 1, [event(idle.id, 1)])
        await runs.finish(done.id, 1, "completed", **ENDED)
        await store.execute("UPDATE runs SET heartbeat_at = 1, updated_at = 1 WHERE id != ?", busy.id)
        assert sorted(await runs.expire_idle(now_us() - MICROSECONDS * 60)) == sorted([idle.id, queued.id])
        with pytest.raises(StaleOwner):
            await log.append(idle.id, 1, [event(idle.id, 2)])
        assert len(await log.read(idle.id)) == 1
        assert await RunList(database).counts() == {"expired": 2, "completed": 1, "running": 1}


async def test_an_output_stays_where_the_next_turn_has_none(store: Store) -> None:
    async with store.opened() as database:
        runs = Runs(database)
        new = run()
        await runs.create(new)
        await runs.finish(new.id, 1, "completed", **ENDED | {"output": '"first"'})
        await runs.start_turn(NewTurn(run_id=new.id, tenant="local", input="{}", mode="m", owner="one"))
        await runs.finish(new.id, 2, "cancelled", **ENDED | {"output": None, "total_cost": None})
        stored = await runs.get(new.id)
        assert stored is not None
        assert (stored.output, stored.total_cost) == ('"first"', None)
