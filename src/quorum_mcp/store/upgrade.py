"""Migrating a database to the schema of this version. Loads Alembic, which start-up does not."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from msgspec import Struct
from sqlalchemy import Connection

from quorum_mcp.errors import ConfigError
from quorum_mcp.store.database import connect
from quorum_mcp.store.dialect import alone
from quorum_mcp.store.schema import HEAD, REVISIONS, create, require_head, revision

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaState(Struct, frozen=True):
    """The revision a database is at (None: empty) and the one this version of Quorum works on."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Whether this version can work on the database as it is."""
        return self.current == self.head


async def check(url: str) -> SchemaState:
    """Which schema the database at `url` has.

    Raises:
        ConfigError: the URL is not usable.
        StoreUnavailable: the database cannot be reached.
    """
    engine = connect(url)
    try:
        return SchemaState(await engine.read(revision), HEAD)
    finally:
        await engine.close()


async def upgrade(url: str) -> SchemaState:
    """Bring the database at `url` to this version's schema, in one transaction; returns what it was before.

    Raises:
        ConfigError: the schema is newer than this version of Quorum, or is not Quorum's.
        StoreUnavailable: the database cannot be reached or written; it is unchanged.
    """
    engine = connect(url, migrating=True)
    try:
        return SchemaState(await engine.write(_upgrade), HEAD)
    finally:
        await engine.close()


def migrate(conn: Connection, target: str = HEAD) -> None:
    """Run the migrations that lead to `target`, in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, target)


def _upgrade(conn: Connection) -> str | None:
    alone(conn)
    before = revision(conn)
    if before is None:
        create(conn)
    elif before in REVISIONS:
        migrate(conn)
    else:
        require_head(before)
    if revision(conn) != HEAD:
        raise ConfigError(f"The migrations did not lead to {HEAD}.", hint="Reinstall quorum-mcp.")
    return before
