"""Transactions: whole or not at all, shared where they wait together, and honest about a database that is away."""

import asyncio
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.unit.storing import child, opened, output, url

from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.store import sqlite
from quorum_mcp.store.database import Database
from quorum_mcp.store.tables import calibrations

pytestmark = pytest.mark.anyio


def add(conn: Connection, panel: str) -> str:
    conn.execute(calibrations.insert().values(panel=panel, data="{}", created_at=1))
    return panel


def panels(conn: Connection) -> list[str]:
    return list(conn.execute(calibrations.select().order_by(calibrations.c.panel)).scalars())


async def test_a_body_that_raises_stores_nothing(tmp_path: Path) -> None:
    def body(conn: Connection) -> None:
        add(conn, "half")
        raise LookupError("no")

    async with opened(tmp_path) as database:
        with pytest.raises(LookupError):
            await database.write(body)
        assert await database.read(panels) == []


async def test_one_failure_among_writes_that_share_a_commit_fails_alone(tmp_path: Path) -> None:
    def bad(conn: Connection) -> str:
        add(conn, "bad")
        raise LookupError("no")

    async with opened(tmp_path) as database:
        bodies = [lambda conn, n=n: add(conn, f"panel {n}") for n in range(20)]
        results = await asyncio.gather(
            *(database.write(body) for body in [*bodies[:10], bad, *bodies[10:]]), return_exceptions=True
        )
        assert isinstance(results.pop(10), LookupError)
        assert results == [f"panel {n}" for n in range(20)]
        assert await database.read(panels) == sorted(results)


async def test_writes_that_wait_together_share_commits(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        snapshots: set[int] = set()

        def body(conn: Connection) -> None:
            snapshots.add(id(conn.get_transaction()))

        await asyncio.gather(*(database.write(body) for _ in range(100)))
        assert len(snapshots) < 20


async def test_a_cancelled_caller_does_not_undo_its_write(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        task = asyncio.create_task(database.write(lambda conn: add(conn, "kept")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await database.write(lambda conn: add(conn, "later"))
        assert await database.read(panels) == ["kept", "later"]


async def test_what_was_handed_in_is_stored_before_closing(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        tasks = [
            asyncio.create_task(database.write(lambda conn, n=n: add(conn, f"{n:02}"))) for n in range(30)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    async with opened(tmp_path) as database:
        assert len(await database.read(panels)) == 30
    with pytest.raises(StoreUnavailable):
        await database.write(panels)


async def test_a_reader_sees_one_snapshot_and_cannot_be_blocked_by_a_writer(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        loop = asyncio.get_running_loop()

        def body(conn: Connection) -> tuple[int, int]:
            before = len(panels(conn))
            asyncio.run_coroutine_threadsafe(database.write(lambda conn: add(conn, "new")), loop).result(3)
            return before, len(panels(conn))

        assert await database.read(body) == (0, 0)
        assert await database.read(panels) == ["new"]


HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


async def test_a_write_waits_for_another_process(tmp_path: Path) -> None:
    async with opened(tmp_path) as database:
        other = await child(HOLD, tmp_path / "quorum.db", 0.3)
        assert other.stdout is not None
        assert await other.stdout.readline() == b"held\n"
        await database.write(lambda conn: add(conn, "waited"))
        assert await database.read(panels) == ["waited"]
        await output(other)


async def test_a_database_that_stays_locked_is_unavailable_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with opened(tmp_path) as database:
        await database.write(lambda conn: add(conn, "before"))
        other = await child(HOLD, tmp_path / "quorum.db", 0.8)
        assert other.stdout is not None
        assert await other.stdout.readline() == b"held\n"
        with pytest.raises(StoreUnavailable, match="locked") as refused:
            await database.write(lambda conn: add(conn, "refused"))
        assert refused.value.retry_after
        assert await database.read(panels) == ["before"]
        await output(other)
        await database.write(lambda conn: add(conn, "again"))
        assert await database.read(panels) == ["again", "before"]


FULL = """
import asyncio, resource, signal, sys
from sqlalchemy import text
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.database import Database

async def main():
    database = await Database.open(sys.argv[1])
    limit = 400_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    stored = 0
    put = text("INSERT INTO calibrations VALUES (:panel, :data, 1)")
    try:
        while stored < 100:
            await database.write(lambda conn: conn.execute(put, {"panel": str(stored), "data": "x" * 20_000}) and None)
            stored += 1
    except StoreUnavailable as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await database.write(lambda conn: conn.execute(put, {"panel": "after", "data": ""}) and None)
        count = await database.read(lambda conn: conn.execute(text("SELECT count(*) FROM calibrations")).scalar())
        print(stored, count, error.code)
    await database.close()

asyncio.run(main())
"""


async def test_a_full_disk_is_unavailable_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    stored, count, code = (await output(await child(FULL, url(tmp_path)))).split()
    assert 0 < int(stored) < 100
    assert int(count) == int(stored) + 1
    assert code == "store_unavailable"


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
async def test_processes_that_open_a_new_file_at_once_agree(tmp_path: Path) -> None:
    children = [await child(OPEN, url(tmp_path)) for _ in range(4)]
    await asyncio.sleep(0.5)
    for process in children:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    ids = {await output(process) for process in children}
    assert len(ids) == 1


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "new folder"):
        for path in (tmp_path / "new folder").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "new folder").stat().st_mode) == 0o700


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "quorum.db"
    path.write_bytes(b"a letter to somebody" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Database.open(url(tmp_path))
    assert path.read_bytes() == b"a letter to somebody" * 100


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="file/quorum.db"):
        await Database.open(url(tmp_path / "file"))


@pytest.mark.parametrize(
    "bad", ["sqlite://", "sqlite:///:memory:", "mysql://me:secret@host/db", "no url secret"]
)
async def test_other_databases_are_refused_without_repeating_a_password(bad: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await Database.open(bad)
    assert refused.value.hint
    assert "secret" not in str(refused.value) + refused.value.hint


async def test_a_path_with_signs_of_a_url_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "50%, really"
    async with opened(folder) as database:
        assert await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar()) == 1
    assert (folder / "quorum.db").exists()
