"""What is SQLite's alone: files and their permissions, full disks, commits that writes share."""

import asyncio
import stat
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.support.stores import Store
from tests.unit.storing import child, output

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.database import Database

pytestmark = pytest.mark.anyio


async def test_writes_that_wait_together_share_commits(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database:
        snapshots: set[int] = set()

        def body(conn: Connection) -> None:
            snapshots.add(id(conn.get_transaction()))

        await asyncio.gather(*(database.write(body) for _ in range(100)))
        assert len(snapshots) < 20


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


async def test_a_full_disk_is_unavailable_and_loses_nothing_that_was_stored(sqlite_store: Store) -> None:
    stored, count, code = (await output(await child(FULL, sqlite_store.url))).split()
    assert 0 < int(stored) < 100
    assert int(count) == int(stored) + 1
    assert code == "store_unavailable"


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with Store(tmp_path / "new folder").opened():
        for path in (tmp_path / "new folder").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((tmp_path / "new folder").stat().st_mode) == 0o700


async def test_a_file_that_is_no_database_is_left_alone(sqlite_store: Store) -> None:
    path = sqlite_store.folder / "quorum.db"
    path.write_bytes(b"a letter to somebody" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Database.open(sqlite_store.url)
    assert path.read_bytes() == b"a letter to somebody" * 100


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="file/quorum.db"):
        await Database.open(Store(tmp_path / "file").url)


async def test_a_path_with_signs_of_a_url_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "50%, really"
    async with Store(folder).opened() as database:
        assert await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar()) == 1
    assert (folder / "quorum.db").exists()
