"""Which schema the database has, which one the code expects, and the way from nothing to it."""

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select
from sqlalchemy.sql import func

from quorum_mcp.errors import ConfigError
from quorum_mcp.ids import new_id
from quorum_mcp.store import control_tables as control_tables  # its tables are in the metadata, too
from quorum_mcp.store.database import Engine
from quorum_mcp.store.dialect import alone
from quorum_mcp.store.tables import meta, metadata

REVISIONS = ("0001", "0002", "0003")
"""Every revision in `migrations/versions`, oldest first. Written here so that opening loads no Alembic."""
HEAD = REVISIONS[-1]

# Alembic's own table, as it creates it: a database made here can be migrated by it later.
_version = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)
_version.primary_key.name = "alembic_version_pkc"

_id = select(meta.c.value).where(meta.c.name == "id")


async def prepare(engine: Engine) -> str:
    """Make the schema of an empty database, and check that of any other. Returns the database's id.

    Raises:
        ConfigError: the schema is older or newer than this version of Quorum, or is not Quorum's.
    """
    if await engine.read(revision) is None:
        await engine.write(create)  # Looks again, now alone: another process may be as far.
    require_head(await engine.read(revision))
    return await engine.read(lambda conn: conn.execute(_id).scalar_one())


def create(conn: Connection) -> None:
    """Create all tables in an empty database and mark it as being at `HEAD`; does nothing to any other."""
    alone(conn)
    found = set(inspect(conn).get_table_names())
    if _version.name in found:
        return
    if foreign := sorted(found & set(metadata.tables)):
        raise ConfigError(
            f"The database has tables of the same names that Quorum did not make: {', '.join(foreign)}.",
            hint="Give Quorum a database of its own: QUORUM_DATABASE_URL.",
        )
    metadata.create_all(conn, checkfirst=False)
    _version.create(conn)
    conn.execute(_version.insert().values(version_num=HEAD))
    conn.execute(meta.insert().values(name="id", value=new_id("db")))


def require_head(found: str | None) -> None:
    """Refuse a schema that is not the one this code works on.

    Raises:
        ConfigError: with the command that helps.
    """
    if found == HEAD:
        return
    if found is None or found in REVISIONS:
        raise ConfigError(
            f"The database's schema ({found or 'none'}) is older than this version of Quorum ({HEAD}).",
            hint="Stop other Quorum processes, then run: quorum db upgrade",
        )
    raise ConfigError(
        f"The database's schema ({found}) is newer than this version of Quorum ({HEAD}).",
        hint="Upgrade Quorum: pip install --upgrade quorum-mcp",
    )


def revision(conn: Connection) -> str | None:
    """The revision that the database is marked with; None without a mark."""
    if not inspect(conn).has_table(_version.name):
        return None
    return conn.execute(select(func.max(_version.c.version_num))).scalar()
