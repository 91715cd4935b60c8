"""The schema: one, whether migrated or made at once; refused with the right command where it is another."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from tests.unit.storing import opened, run, url

from quorum_mcp.errors import ConfigError
from quorum_mcp.store import event_log, runs, schema, upgrade
from quorum_mcp.store.database import Database, connect
from quorum_mcp.store.tables import metadata

pytestmark = pytest.mark.anyio


def definitions(path: Path) -> dict[str, str]:
    """The SQL of every table and index, without differences of white space."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.replace("(", " ( ").replace(")", " ) ").split()) for name, sql in rows}


async def migrated(folder: Path) -> None:
    engine = connect(url(folder), migrating=True)
    await engine.write(upgrade.migrate)
    await engine.close()


async def test_migrations_and_the_fast_path_make_the_same_schema(tmp_path: Path) -> None:
    async with opened(tmp_path / "fast"):
        pass
    await migrated(tmp_path / "slow")
    fast, slow = definitions(tmp_path / "fast/quorum.db"), definitions(tmp_path / "slow/quorum.db")
    assert "runs" in fast
    assert fast == slow


async def test_alembic_sees_nothing_to_do_in_a_new_database(tmp_path: Path) -> None:
    def differences(conn: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(conn), metadata)

    async with opened(tmp_path) as database:
        assert await database.read(differences) == []
        await database.write(
            lambda conn: conn.execute(text("ALTER TABLE runs ADD COLUMN mood TEXT")) and None
        )
        assert "mood" in str(await database.read(differences))


async def test_a_migrated_database_opens(tmp_path: Path) -> None:
    await migrated(tmp_path)
    async with opened(tmp_path) as database:
        assert database.id.startswith("db_")


async def test_a_database_keeps_its_id_where_it_is_moved(tmp_path: Path) -> None:
    async with opened(tmp_path / "one") as database:
        first = database.id
    (tmp_path / "one").rename(tmp_path / "two")
    async with opened(tmp_path / "two") as database:
        assert database.id == first


def test_the_listed_revisions_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == schema.REVISIONS
    assert scripts.get_heads() == [schema.HEAD]


def dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "quorum.db") as connection:
        return list(connection.iterdump())


def stamp(folder: Path, revision: str) -> None:
    with sqlite3.connect(folder / "quorum.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    stamp(tmp_path, "9999")
    before = dump(tmp_path)
    with pytest.raises(ConfigError, match="newer") as refused:
        await Database.open(url(tmp_path))
    assert refused.value.hint is not None
    assert "pip install --upgrade quorum-mcp" in refused.value.hint
    with pytest.raises(ConfigError, match="newer"):
        await upgrade.upgrade(url(tmp_path))
    assert dump(tmp_path) == before
    assert (await upgrade.check(url(tmp_path))).current == "9999"


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None

def upgrade():
    with op.batch_alter_table("runs", recreate="always") as batch:
        batch.add_column(sa.Column("mood", sa.Text))
"""


def tomorrow(folder: Path, migration: str) -> Path:
    """The migrations of a coming version: ours and one more."""
    migrations = folder / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, migrations)
    (migrations / "versions" / "0002_next.py").write_text(migration)
    return migrations


async def test_an_older_schema_is_refused_until_it_is_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as database:
        await runs.Runs(database).create(run(id="ses_kept"))
    monkeypatch.setattr(upgrade, "MIGRATIONS", tomorrow(tmp_path, NEXT))
    for module in (schema, upgrade):
        monkeypatch.setattr(module, "REVISIONS", ("0001", "0002"))
        monkeypatch.setattr(module, "HEAD", "0002")

    with pytest.raises(ConfigError, match="older") as refused:
        await Database.open(url(tmp_path))
    assert refused.value.hint is not None
    assert "quorum db upgrade" in refused.value.hint
    assert not (await upgrade.check(url(tmp_path))).up_to_date

    monkeypatch.setattr(upgrade.migrate, "__defaults__", ("0002",))
    assert (await upgrade.upgrade(url(tmp_path))).current == "0001"
    assert (await upgrade.check(url(tmp_path))).up_to_date
    async with opened(tmp_path) as database:
        assert await runs.Runs(database).claim("ses_kept", "two") == 2
    assert "mood" in definitions(tmp_path / "quorum.db")["runs"]
    with sqlite3.connect(tmp_path / "quorum.db") as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)


async def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path):
        pass
    before = definitions(tmp_path / "quorum.db")
    monkeypatch.setattr(
        upgrade, "MIGRATIONS", tomorrow(tmp_path, NEXT + "    raise LookupError('half way')\n")
    )
    engine = connect(url(tmp_path), migrating=True)
    with pytest.raises(LookupError):
        await engine.write(lambda conn: upgrade.migrate(conn, "0002"))
    await engine.close()
    assert definitions(tmp_path / "quorum.db") == before


async def test_upgrading_nothing_makes_a_database(tmp_path: Path) -> None:
    assert (await upgrade.upgrade(url(tmp_path))).current is None
    assert (await upgrade.upgrade(url(tmp_path))).up_to_date
    async with opened(tmp_path):
        pass


async def test_tables_that_are_not_ours_are_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "quorum.db") as connection:
        connection.execute("CREATE TABLE runs (miles INTEGER)")
    with pytest.raises(ConfigError, match="runs") as refused:
        await Database.open(url(tmp_path))
    assert "QUORUM_DATABASE_URL" in (refused.value.hint or "")
    assert definitions(tmp_path / "quorum.db") == {"runs": "CREATE TABLE runs ( miles INTEGER )"}


OPEN = """
import asyncio, sys
from quorum_mcp.store.database import Database

async def main():
    database = await Database.open(sys.argv[1])
    await database.close()

asyncio.run(main())
print(*sorted({name.split(".")[0] for name in sys.modules} & {"alembic", "mako", "asyncpg", "aiosqlite"}))
"""


def test_opening_loads_no_migration_tool(tmp_path: Path) -> None:
    for _ in ("new", "again"):
        done = subprocess.run(
            [sys.executable, "-c", OPEN, url(tmp_path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == ""


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_spelt_for_postgresql(table: Table) -> None:
    dialect = postgresql.dialect()
    assert table.name in str(CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))


def test_statements_that_differ_are_spelt_for_postgresql() -> None:
    dialect = postgresql.dialect()
    held = str(event_log._hold.compile(dialect=dialect))
    assert "clock_timestamp()" in held
    assert "julianday" not in held
    assert "julianday" not in str(runs._create.compile(dialect=dialect, column_keys=["id", "heartbeat_at"]))
