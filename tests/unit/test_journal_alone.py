"""A call that its first attempt answered is one record, in the journal, the database and the budgets: once."""

import pytest
from msgspec import structs
from sqlalchemy import Connection, insert
from tests.support.stores import Store
from tests.unit.storing import alone, attempt, call

from quorum_mcp import codec
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord, Draw, first_attempt
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import budget_periods, leases
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import DONE_ROOM, Journal
from quorum_mcp.store.records import Records, store_records
from quorum_mcp.store.recovery import Entry
from quorum_mcp.store.segment import Segment

pytestmark = pytest.mark.anyio


def begun() -> tuple[AttemptRecord, CallRecord]:
    new = call(status="unknown", run_id="ses_1")
    return attempt(new, id=first_attempt(new.id), cost=1000), new


def leave(store: Store, database: Database, *entries: Entry) -> None:
    """A segment with these lines, as a process leaves it that was killed."""
    segment = Segment.create(store.folder / "journal", f"{database.id}-1-dead", 1 << 16)
    for entry in entries:
        segment.append(codec.encode(entry))
    segment.close(delete=False)


async def budget(store: Store) -> tuple[int, int, int]:
    """What is spent and leased of the only budget, and what of its only lease is settled."""
    ((spent, leased, settled),) = await store.rows(
        "SELECT spent, leased, settled FROM budget_periods p JOIN leases l ON l.budget_id = p.budget_id"
    )
    return spent, leased, settled


async def drawn(database: Database) -> tuple[AttemptRecord, CallRecord]:
    """A pair whose attempt has drawn 1000 from a slice of 5000, and costs that if nobody knows better."""
    values = {"starts_at": 0, "budget_id": "bud"}

    def body(conn: Connection) -> None:
        figures = {"spent": 0, "leased": 5000, "closed": False, "alerted": 0}
        conn.execute(insert(budget_periods), values | figures)
        held = {"id": "lea", "segment": "none", "place": "here", "granted": 5000, "settled": 0}
        conn.execute(insert(leases), values | held | {"returned": False, "expires_at": now_us()})

    await database.write(body)
    first, new = begun()
    return structs.replace(first, draws=(Draw("lea", 1000),)), new


async def test_a_call_that_its_only_attempt_ended_is_one_record(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=8 * DONE_ROOM)
        for n in range(
            100
        ):  # as many as have room only if each that ends gives back what was kept for its end
            first, new = begun()
            journal.sent(first, new)
            journal.called(alone(new, cost=800, output_tokens=5, finished_at=new.created_at + 9))
            assert journal.waiting <= n + 1
            if n % 10 == 9:
                await journal.flush()
        assert await store.rows("SELECT count(*) FROM attempts") == [(0,)]
        found = await Records(database).get(new.id)
        assert found is not None
        assert found[0].attempts == 1
        assert found[1] == [
            attempt(
                new, id=first_attempt(new.id), status="ok", cost=800, output_tokens=5,
                started_at=new.created_at, finished_at=new.created_at + 9,
            )
        ]  # fmt: skip
        await journal.close()
        assert list((store.folder / "journal").iterdir()) == []


async def test_a_call_that_stands_for_its_attempt_is_settled_once_however_often_it_comes(
    store: Store,
) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        first, new = await drawn(database)
        ended = alone(new, cost=800, draws=first.draws)
        for _ in range(2):  # the same lines twice, and each line twice
            leave(store, database, *[Entry("sent", first, new), Entry("called", None, ended)] * 2)
            found = await journal.recover()
            assert (found.segments, found.attempts, found.unknown) == (1, 1, 0)
            assert await budget(store) == (800, 4200, 800)
        journal.sent(first, new)  # and from memory
        journal.called(ended)
        await journal.close()
        assert await budget(store) == (800, 4200, 800)
        assert await store.rows("SELECT status, cost, attempts FROM calls") == [("ok", 800, 1)]
        assert await store.rows("SELECT id FROM attempts") == []
        assert await store.rows("SELECT calls, cost FROM rollups") == [(1, 800)]


async def test_a_call_that_is_stored_but_whose_end_had_no_room_is_not_settled_again(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        first, new = await drawn(database)
        ended = alone(new, cost=800, draws=first.draws)
        await database.write(lambda conn: store_records(conn, [], [ended]))
        leave(store, database, Entry("sent", first, new))
        found = await journal.recover()
        assert (found.segments, found.attempts, found.unknown) == (1, 0, 0)
        assert await budget(store) == (800, 4200, 800)
        assert await store.rows("SELECT status, cost, attempts FROM calls") == [("ok", 800, 1)]
        assert await store.rows("SELECT id FROM attempts") == []
        await journal.close()


async def test_attempts_and_calls_of_one_batch_are_settled_together(store: Store) -> None:
    async with store.opened() as database:
        first, new = await drawn(database)
        retried = structs.replace(first, id="att_other", call_id="call_other", status="error", cost=30)
        ended = alone(new, cost=800, draws=first.draws)
        for _ in range(2):
            await database.write(lambda conn: store_records(conn, [retried], [ended, ended]))
        assert await budget(store) == (830, 4170, 830)


async def test_lines_of_older_versions_are_understood(store: Store) -> None:
    """They say of each attempt how it ended, the only ones of their calls included."""
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        first, new = begun()
        ended = structs.replace(first, status="ok", cost=800), structs.replace(new, status="ok", attempts=1)
        leave(store, database, Entry("sent", first, new), Entry("done", *ended))
        [path] = (store.folder / "journal").glob("*-dead.journal")
        assert b"alone" not in path.read_bytes()
        found = await journal.recover()
        assert (found.segments, found.attempts, found.unknown) == (1, 1, 0)
        assert await Records(database).get(new.id) == (ended[1], [ended[0]])
        await journal.close()
