"""Transactions: whole or not at all, shared where they wait together, and honest about a database that is away."""

import asyncio

import pytest
from sqlalchemy import Connection
from tests.support.stores import Store, impatient
from tests.unit.storing import child, output

from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.store.database import Database
from quorum_mcp.store.tables import calibrations

pytestmark = pytest.mark.anyio


def add(conn: Connection, panel: str) -> str:
    conn.execute(calibrations.insert().values(panel=panel, data="{}", created_at=1))
    return panel


def panels(conn: Connection) -> list[str]:
    return list(conn.execute(calibrations.select().order_by(calibrations.c.panel)).scalars())


async def test_a_body_that_raises_stores_nothing(store: Store) -> None:
    def body(conn: Connection) -> None:
        add(conn, "half")
        raise LookupError("no")

    async with store.opened() as database:
        with pytest.raises(LookupError):
            await database.write(body)
        assert await database.read(panels) == []


async def test_one_failure_among_writes_that_wait_together_fails_alone(store: Store) -> None:
    def bad(conn: Connection) -> str:
        add(conn, "bad")
        raise LookupError("no")

    async with store.opened() as database:
        bodies = [lambda conn, n=n: add(conn, f"panel {n}") for n in range(20)]
        results = await asyncio.gather(
            *(database.write(body) for body in [*bodies[:10], bad, *bodies[10:]]), return_exceptions=True
        )
        assert isinstance(results.pop(10), LookupError)
        assert results == [f"panel {n}" for n in range(20)]
        assert await database.read(panels) == sorted(results)


async def test_a_cancelled_caller_does_not_undo_its_write(store: Store) -> None:
    async with store.opened() as database:
        task = asyncio.create_task(database.write(lambda conn: add(conn, "kept")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.write(lambda conn: add(conn, "later"))
        async with asyncio.timeout(3):
            while await database.read(panels) != ["kept", "later"]:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)


async def test_what_was_handed_in_is_stored_before_closing(store: Store) -> None:
    async with store.opened() as database:
        tasks = [
            asyncio.create_task(database.write(lambda conn, n=n: add(conn, f"{n:02}"))) for n in range(30)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    async with store.opened() as database:
        assert len(await database.read(panels)) == 30
    with pytest.raises(StoreUnavailable):
        await database.write(panels)


async def test_a_reader_sees_one_snapshot_and_cannot_be_blocked_by_a_writer(store: Store) -> None:
    async with store.opened() as database:
        meanwhile = store.meanwhile()

        def body(conn: Connection) -> tuple[int, int]:
            before = len(panels(conn))
            meanwhile(database.write(lambda conn: add(conn, "new")))
            return before, len(panels(conn))

        assert await database.read(body) == (0, 0)
        assert await database.read(panels) == ["new"]


async def test_a_write_waits_for_another_program(store: Store) -> None:
    async with store.opened() as database:
        async with store.locked():
            waiting = asyncio.create_task(database.write(lambda conn: add(conn, "waited")))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            assert await database.read(panels) == []
        await waiting
        assert await database.read(panels) == ["waited"]


async def test_a_database_that_stays_locked_is_unavailable_and_comes_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    async with store.opened() as database:
        await database.write(lambda conn: add(conn, "before"))
        async with store.locked():
            with pytest.raises(StoreUnavailable, match="locked|timeout") as refused:
                await database.write(lambda conn: add(conn, "refused"))
            assert refused.value.retry_after
            assert await database.read(panels) == ["before"]
        await database.write(lambda conn: add(conn, "again"))
        assert await database.read(panels) == ["again", "before"]


OPEN = """
import asyncio, sys
from quorum_mcp.store.database import Database

async def main():
    sys.stdin.readline()
    database = await Database.open(sys.argv[1])
    print(database.id)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.timeout(20)
async def test_processes_that_open_a_new_database_at_once_agree(store: Store) -> None:
    children = [await child(OPEN, store.url) for _ in range(4)]
    await asyncio.sleep(0.5)
    for process in children:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    ids = {await output(process) for process in children}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://me:secret@host/db",
        "no url secret",
        "postgresql://me:secret@[::1/db",
    ],
)
async def test_other_databases_are_refused_without_repeating_a_password(bad: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await Database.open(bad)
    assert refused.value.hint
    assert "secret" not in str(refused.value) + refused.value.hint
