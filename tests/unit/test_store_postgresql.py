"""What is PostgreSQL's alone: connections that break, transactions that disturb each other, limits of time."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only
from tests.support.cut import Where, Wire, wire
from tests.support.stores import PostgresStore, impatient, postgres_store
from tests.unit.storing import call, child, event, output, run

from quorum_mcp.app import running
from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.store import postgres
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.feedback import Feedback
from quorum_mcp.store.records import CallFilter, Records, store_records
from quorum_mcp.store.run_list import RunFilter, RunList
from quorum_mcp.store.runs import Runs
from quorum_mcp.store.tables import calibrations, runs

pytestmark = [pytest.mark.anyio, pytest.mark.needs("postgresql")]


@pytest.fixture
async def store(tmp_path: Path) -> PostgresStore:
    return await postgres_store(tmp_path)


def add(conn: Connection, panel: str) -> str:
    conn.execute(calibrations.insert().values(panel=panel, data="{}", created_at=1))
    return panel


def panels(conn: Connection) -> list[str]:
    return list(conn.execute(select(calibrations.c.panel).order_by(calibrations.c.panel)).scalars())


async def test_text_that_postgresql_cannot_hold_costs_no_record(store: PostgresStore) -> None:
    async with store.opened() as database:
        new = run(title="a\0b", question="A\0B?")
        await Runs(database).create(new)
        await Feedback(database).give(new.id, 1, 1.0, tenant="local", note="fine\0")
        failed = call(status="error", error_message="\0 is not JSON", prompt="p\0", answer="\0")
        await database.write(lambda conn: store_records(conn, [], [failed]))
        stored = await Records(database).get(failed.id)
        assert stored is not None
        assert (stored[0].error_message, stored[0].answer) == ("\ufffd is not JSON", "\ufffd")
        assert await Runs(database).get(new.id + "\0") is None
        assert (await RunList(database).page(RunFilter(q="\0"))).items == []


async def test_a_provider_may_count_more_tokens_than_fit_in_32_bits(store: PostgresStore) -> None:
    async with store.opened() as database:
        many = call(input_tokens=2**40, output_tokens=2**40)
        await database.write(lambda conn: store_records(conn, [], [many]))
        assert (await CallStats(database).totals(CallFilter())).input_tokens == 2**40


def crossing(first: str, second: str) -> Callable[[Connection], None]:
    """A body that changes two runs, in this order, taking its time."""

    def body(conn: Connection) -> None:
        for run_id in (first, second):
            conn.execute(update(runs).where(runs.c.id == run_id).values(calls=runs.c.calls + 1))
            await_only(asyncio.sleep(0.05))

    return body


async def test_transactions_that_block_each_other_are_both_carried_out_once(store: PostgresStore) -> None:
    async with store.opened() as database:
        one, two = run(), run()
        for new in (one, two):
            await Runs(database).create(new)
        await asyncio.gather(
            database.write(crossing(one.id, two.id)), database.write(crossing(two.id, one.id))
        )
        assert await store.rows("SELECT calls FROM runs") == [(2,), (2,)]


async def test_broken_connections_are_replaced_unnoticed(store: PostgresStore) -> None:
    async with store.opened() as database:
        await asyncio.gather(*(database.read(panels) for _ in range(20)))
        await kick_all(store)
        await database.write(lambda conn: add(conn, "written"))
        await kick_all(store)
        assert await database.read(panels) == ["written"]


async def kick_all(store: PostgresStore) -> None:
    """The server ends all other connections to the database."""
    kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    await store.execute(f"{kick} AND pid != pg_backend_pid()")


async def test_a_transaction_whose_connection_breaks_is_carried_out_anew(store: PostgresStore) -> None:
    tries: list[int] = []

    def body(conn: Connection) -> str:
        tries.append(len(tries))
        add(conn, f"try {len(tries)}")
        if len(tries) == 1:
            await_only(kick_all(store))
        add(conn, "done")
        return "done"

    async with store.opened() as database:
        assert await database.write(body) == "done"
        assert await database.read(panels) == ["done", "try 2"]


@asynccontextmanager
async def through_a_wire(store: PostgresStore) -> AsyncGenerator[tuple[Wire, Database], None]:
    """The database, reached over a wire that can be cut at a commit."""
    async with store.opened():
        pass
    async with wire(store.server.folder / ".s.PGSQL.5432", b"COMMIT\0") as cut:
        database = await Database.open(store.url_through(cut.port))
        try:
            yield cut, database
        finally:
            await database.close()


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_commit_that_the_network_swallows_is_stored_once(store: PostgresStore, where: Where) -> None:
    async with through_a_wire(store) as (cut, database):
        new = run()
        await Runs(database).create(new)
        for seq in range(1, 6):
            cut.cut = where
            await EventLog(database).append(new.id, 1, [event(new.id, seq)])
            assert cut.cut is None
        assert await store.rows("SELECT seq FROM events ORDER BY seq") == [(n,) for n in range(1, 6)]


async def test_a_writer_that_was_taken_for_dead_goes_on(store: PostgresStore) -> None:
    async with through_a_wire(store) as (cut, database):
        await database.write(lambda conn: add(conn, "one"))
        await store.execute("DELETE FROM writers")
        await database.write(lambda conn: add(conn, "two"))
        await database.write(lambda conn: add(conn, "three"))
        cut.cut = "after"
        await database.write(lambda conn: add(conn, "four"))
        assert len(await database.read(panels)) == 4


async def test_an_orderly_end_leaves_no_writer(store: PostgresStore) -> None:
    async with store.opened() as database:
        await asyncio.gather(*(database.write(lambda conn, n=n: add(conn, str(n))) for n in range(20)))
        assert len(await store.rows("SELECT id FROM writers")) > 1
    assert await store.rows("SELECT id FROM writers") == []


async def test_rows_of_dead_writers_go(store: PostgresStore) -> None:
    async with store.opened():
        pass
    await store.execute("INSERT INTO writers VALUES ('dead', 1, 1)")
    async with store.opened() as database:
        await database.write(lambda conn: add(conn, "one"))
        assert "dead" not in [row[0] for row in await store.rows("SELECT id FROM writers")]


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_commit_that_nobody_can_tell_about_is_called_that(
    store: PostgresStore, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "UNKNOWN_SECONDS", 0.3)
    async with through_a_wire(store) as (cut, database):
        cut.cut, cut.stays_down = where, True
        with pytest.raises(StoreUnavailable, match="not known"):
            await database.write(lambda conn: add(conn, "perhaps"))
        with pytest.raises(StoreUnavailable, match="cannot be used"):
            await database.read(panels)
        cut.down = False
        async with asyncio.timeout(3):
            while True:
                try:
                    assert await database.read(panels) == (["perhaps"] if where == "after" else [])
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)


async def test_a_slow_statement_is_given_up(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    async with store.opened() as database:

        def body(conn: Connection) -> None:
            add(conn, "slow")
            conn.execute(text("SELECT pg_sleep(3)"))

        with pytest.raises(StoreUnavailable, match="timeout") as refused:
            await database.write(body)
        assert refused.value.retry_after
        assert "too long" in (refused.value.hint or "")
        assert await database.read(panels) == []


STOPPED = """
import asyncio, sys
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only
from quorum_mcp.store import postgres
from quorum_mcp.store.database import Database

async def main():
    postgres.IDLE_SECONDS = 0.4
    database = await Database.open(sys.argv[1])

    def body(conn):
        conn.execute(text("UPDATE runs SET calls = calls + 1"))
        print("holds", flush=True)
        await_only(asyncio.sleep(0.2))

    await database.write(body)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.timeout(20)
async def test_a_stopped_process_holds_no_locks_for_long(store: PostgresStore) -> None:
    async with store.opened() as database:
        await Runs(database).create(run())
        other = await child(STOPPED, store.url)
        assert other.stdout is not None
        assert await other.stdout.readline() == b"holds\n"
        os.kill(other.pid, signal.SIGSTOP)
        count = text("UPDATE runs SET calls = calls + 10 RETURNING calls")
        assert await database.write(lambda conn: conn.execute(count).scalar()) == 10
        os.kill(other.pid, signal.SIGCONT)
        await output(other)
        assert await store.rows("SELECT calls FROM runs") == [(11,)]


@pytest.mark.timeout(20)
async def test_a_process_uses_a_few_connections_only(store: PostgresStore) -> None:
    earlier = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'quorum%' AND datname = current_database()"
    while await store.rows(earlier) != [(0,)]:  # noqa: ASYNC110 - tests before had processes that were killed
        await asyncio.sleep(0.05)
    async with store.opened() as database:
        most = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name LIKE 'quorum%' AND datname = current_database()"
        )

        def body(conn: Connection) -> int:
            conn.execute(text("SELECT pg_sleep(0.02)"))
            return conn.execute(most).scalar_one()

        assert max(await asyncio.gather(*(database.write(body) for _ in range(40)))) <= postgres.CONNECTIONS


async def test_a_type_that_another_process_changed_disturbs_nobody(store: PostgresStore) -> None:
    async with store.opened() as database:
        one = call(latency_ms=5)
        await database.write(lambda conn: store_records(conn, [], [one]))
        assert (await Records(database).get(one.id)) == (one, [])
        await store.execute("ALTER TABLE calls ALTER COLUMN latency_ms TYPE bigint")
        for _ in range(3):
            assert (await Records(database).get(one.id)) == (one, [])


async def test_a_body_that_goes_on_after_a_failed_statement_stores_nothing(store: PostgresStore) -> None:
    def body(conn: Connection) -> None:
        add(conn, "one")
        with suppress(IntegrityError):
            add(conn, "one")

    async with store.opened() as database:
        with pytest.raises(RuntimeError, match="went on"):
            await database.write(body)
        assert await database.read(panels) == []


async def test_a_server_that_is_not_there_is_named_by_its_variable(tmp_path: Path) -> None:
    for url in (
        f"postgresql://quorum@/none?host={tmp_path}",
        "postgresql+asyncpg://quorum:secret@127.0.0.1:1/x",
    ):
        with pytest.raises(StoreUnavailable) as refused:
            await Database.open(url)
        assert "QUORUM_DATABASE_URL" in (refused.value.hint or "")
        assert "secret" not in str(refused.value)


async def test_a_missing_database_is_told_from_a_missing_server(store: PostgresStore) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist") as refused:
        await Database.open(store.server.url("no_such_database"))
    assert "Create the database" in (refused.value.hint or "")


async def test_a_missing_driver_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("quorum_mcp.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError) as refused:
        await Database.open("postgresql://quorum@host/db")
    assert "quorum-mcp[postgres]" in (refused.value.hint or "")


async def test_without_a_key_for_secrets_nothing_starts(store: PostgresStore) -> None:
    env = {"QUORUM_HOME": str(store.folder), "QUORUM_DATABASE_URL": store.url}
    with pytest.raises(ConfigError, match="QUORUM_SECRET_KEY"):
        async with running(load(env=env)):
            pytest.fail("it started")
    assert await store.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == []
    async with running(load(env=env | {"QUORUM_SECRET_KEY": "s" * 64})) as services:
        assert services.get(Database).id.startswith("db_")
