"""The schema: one, whether migrated or made at once; refused with the right command where it is another."""

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from tests.support.stores import Store
from tests.unit.storing import child, output, run

from quorum_mcp.errors import ConfigError
from quorum_mcp.store import runs, schema, upgrade
from quorum_mcp.store.database import Database, connect
from quorum_mcp.store.tables import metadata

pytestmark = pytest.mark.anyio


SQLITE = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
POSTGRESQL = """
    WITH ours AS (SELECT oid, relname FROM pg_class
                  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i'))
    SELECT relname, string_agg(line, E'\n' ORDER BY n, line) FROM (
        SELECT relname, attnum AS n, concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,
               pg_get_expr(adbin, adrelid)) AS line
        FROM ours JOIN pg_attribute ON attrelid = oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0
        UNION ALL SELECT relname, 100, concat_ws(' ', conname, pg_get_constraintdef(c.oid))
        FROM ours JOIN pg_constraint c ON conrelid = ours.oid
        UNION ALL SELECT relname, 101, regexp_replace(pg_get_indexdef(oid), ' ON \\S+ ', ' ')
        FROM ours WHERE pg_get_indexdef(oid) IS NOT NULL
    ) AS lines GROUP BY relname
"""


async def definitions(store: Store) -> dict[str, str]:
    """What every table and index is made of, without differences of white space."""
    rows = await store.rows(SQLITE if store.engine == "sqlite" else POSTGRESQL)
    return {name: " ".join(sql.replace("(", " ( ").replace(")", " ) ").split()) for name, sql in rows}


async def migrated(store: Store) -> None:
    engine = connect(store.url, migrating=True)
    await engine.write(upgrade.migrate)
    await engine.close()


async def test_migrations_and_the_fast_path_make_the_same_schema(store: Store) -> None:
    async with store.opened():
        pass
    other = await store.another("slow")
    await migrated(other)
    fast, slow = await definitions(store), await definitions(other)
    assert "cancel_requested" in fast["runs"]
    assert "ix_runs_list" in fast
    assert fast == slow


async def test_alembic_sees_nothing_to_do_in_a_new_database(store: Store) -> None:
    def differences(conn: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(conn), metadata)

    async with store.opened() as database:
        assert await database.read(differences) == []
        await database.write(
            lambda conn: conn.execute(text("ALTER TABLE runs ADD COLUMN mood TEXT")) and None
        )
        assert "mood" in str(await database.read(differences))


async def test_a_migrated_database_opens(store: Store) -> None:
    await migrated(store)
    async with store.opened() as database:
        assert database.id.startswith("db_")


async def test_a_database_keeps_its_id_where_it_is_moved(tmp_path: Path) -> None:
    async with Store(tmp_path / "one").opened() as database:
        first = database.id
    (tmp_path / "one").rename(tmp_path / "two")
    async with Store(tmp_path / "two").opened() as database:
        assert database.id == first


def test_the_listed_revisions_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrade.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == schema.REVISIONS
    assert scripts.get_heads() == [schema.HEAD]


async def content(store: Store) -> dict[str, object]:
    """All there is in the database."""
    tables = ["alembic_version", *metadata.tables]
    return {name: await store.rows(f"SELECT * FROM {name}") for name in tables} | await definitions(store)


async def test_a_newer_schema_is_refused_and_left_alone(store: Store) -> None:
    async with store.opened() as database:
        await runs.Runs(database).create(run())
    await store.execute("UPDATE alembic_version SET version_num = '9999'")
    before = await content(store)
    with pytest.raises(ConfigError, match="newer") as refused:
        await Database.open(store.url)
    assert refused.value.hint is not None
    assert "pip install --upgrade quorum-mcp" in refused.value.hint
    with pytest.raises(ConfigError, match="newer"):
        await upgrade.upgrade(store.url)
    assert await content(store) == before
    assert (await upgrade.check(store.url)).current == "9999"


NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "LAST", None, None

def upgrade():
    with op.batch_alter_table("runs", recreate="RECREATE") as batch:
        batch.add_column(sa.Column("mood", sa.Text))
"""


def tomorrow(store: Store, migration: str) -> Path:
    """The migrations of a coming version: ours and one more."""
    migrations = store.folder / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, migrations)
    # SQLite changes a table by copying it, which other tables' foreign keys must survive.
    migration = migration.replace("RECREATE", "always" if store.engine == "sqlite" else "never")
    migration = migration.replace("LAST", schema.REVISIONS[-1])
    (migrations / "versions" / "9999_next.py").write_text(migration)
    return migrations


async def test_an_older_schema_is_refused_until_it_is_upgraded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with store.opened() as database:
        await runs.Runs(database).create(run(id="ses_kept"))
    monkeypatch.setattr(upgrade, "MIGRATIONS", tomorrow(store, NEXT))
    last, revisions = schema.HEAD, (*schema.REVISIONS, "9999")
    for module in (schema, upgrade):
        monkeypatch.setattr(module, "REVISIONS", revisions)
        monkeypatch.setattr(module, "HEAD", "9999")

    with pytest.raises(ConfigError, match="older") as refused:
        await Database.open(store.url)
    assert refused.value.hint is not None
    assert "quorum db upgrade" in refused.value.hint
    assert not (await upgrade.check(store.url)).up_to_date

    monkeypatch.setattr(upgrade.migrate, "__defaults__", ("9999",))
    assert (await upgrade.upgrade(store.url)).current == last
    assert (await upgrade.check(store.url)).up_to_date
    async with store.opened() as database:
        assert await runs.Runs(database).claim("ses_kept", "two") == 2
    assert "mood" in (await definitions(store))["runs"]
    assert await store.rows("SELECT count(*) FROM events") == [(0,)]


async def test_a_migration_that_fails_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store.opened():
        pass
    before = await definitions(store)
    monkeypatch.setattr(upgrade, "MIGRATIONS", tomorrow(store, NEXT + "    raise LookupError('half way')\n"))
    engine = connect(store.url, migrating=True)
    with pytest.raises(LookupError):
        await engine.write(lambda conn: upgrade.migrate(conn, "9999"))
    await engine.close()
    assert await definitions(store) == before


async def test_upgrading_nothing_makes_a_database(store: Store) -> None:
    assert (await upgrade.upgrade(store.url)).current is None
    assert (await upgrade.upgrade(store.url)).up_to_date
    async with store.opened():
        pass


async def test_tables_that_are_not_ours_are_not_touched(store: Store) -> None:
    await store.execute("CREATE TABLE runs (miles INTEGER)")
    before = await definitions(store)
    with pytest.raises(ConfigError, match="runs") as refused:
        await Database.open(store.url)
    assert "QUORUM_DATABASE_URL" in (refused.value.hint or "")
    assert list(before) == ["runs"]
    assert await definitions(store) == before


OPEN = """
import asyncio, sys
from quorum_mcp.store.database import Database

async def main():
    database = await Database.open(sys.argv[1])
    await database.close()

asyncio.run(main())
print(*sorted({name.split(".")[0] for name in sys.modules} & {"alembic", "mako", "asyncpg", "greenlet"}))
"""


@pytest.mark.timeout(20)
async def test_opening_loads_nothing_it_does_not_need(store: Store) -> None:
    for _ in ("new", "again"):
        loaded = (await output(await child(OPEN, store.url))).split()
        assert loaded == ([] if store.engine == "sqlite" else ["asyncpg", "greenlet"])
