"""The few statements that the engines spell differently."""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, CursorResult, Result, Table, func, select
from sqlalchemy.sql.dml import Insert

from quorum_mcp.errors import Unsupported

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

_SCHEMA_LOCK = 0x51554F52554D
"""A number that no other program's advisory locks should have."""


def insert_new(conn: Connection, table: Table) -> Insert:
    """INSERT … ON CONFLICT DO NOTHING: rows whose key is there already are left as they are."""
    return _insert_new(conn.dialect.name, table)


def put(conn: Connection, table: Table) -> Insert:
    """INSERT, or replace every column of the row that has the same primary key."""
    return _put(conn.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _put(dialect: str, table: Table) -> Insert:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    replaced = {name: column for name, column in statement.excluded.items() if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=replaced)


def alone(conn: Connection) -> None:
    """Wait until nobody else makes or changes the schema; that holds until the transaction ends."""
    # SQLite's writing transactions are alone anyway.
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


def changed(result: Result[Any]) -> int:
    """How many rows a statement changed."""
    return cast("CursorResult[Any]", result).rowcount


def _insert(dialect: str, table: Table) -> "SqliteInsert | PostgresqlInsert":
    # Imported where used: each dialect costs start-up time, and a process needs one.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    raise Unsupported(f"The database engine {dialect!r} is not supported.", hint="Use SQLite or PostgreSQL.")
