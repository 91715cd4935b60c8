"""Many rows in one statement, without SQLAlchemy's work for each value: half the CPU.

A row is a tuple of the table's columns, in the table's order. What the driver raises is wrapped by SQLAlchemy as
everywhere else.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import IntegrityError

from quorum_mcp import codec

Tuples = Sequence[tuple[Any, ...]]
_AT_ONCE = (100, 10, 1)
"""How many rows a statement of SQLite takes: the most first, so that what is left goes with the fewest statements."""


def store_new(conn: Connection, table: Table, rows: Tuples) -> set[str]:
    """Insert the rows whose first column, the key, is not there yet; the keys of those that this really inserted.

    On PostgreSQL a row may be on its way in a transaction that is not committed yet. This waits for it.
    """
    if not rows:
        return set()
    if conn.dialect.name == "postgresql":
        # In the order of their keys: two who insert the same rows would wait for each other.
        columns = _columns(sorted(rows, key=itemgetter(0)))
        return set(conn.exec_driver_sql(_postgresql_new(table), columns).scalars())
    new = {row[0]: row for row in rows}
    try:
        with conn.begin_nested():  # nearly always all of them are new
            _sqlite_insert(conn, table, [*new.values()])
        return set(new)
    except IntegrityError:
        # Who writes on SQLite is alone, so that a look before is as good.
        for key in conn.exec_driver_sql(_known(table), (codec.encode_text([*new]),)).scalars():
            del new[key]
        _sqlite_insert(conn, table, [*new.values()])
    return set(new)


def add_up(conn: Connection, table: Table, rows: Tuples) -> None:
    """Add the rows' figures to those of the rows with the same primary key; where there is none, insert.

    No two rows may have the same key. Writers must all bring their rows sorted: they lock them in that order.
    """
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(_postgresql_add(table), _columns(rows))
    else:
        _sqlite_insert(conn, table, rows, adding(table))


def _sqlite_insert(conn: Connection, table: Table, rows: Tuples, end: str = "") -> None:
    """Insert with few statements.

    The driver lets go of the interpreter at each step of one, and in a busy program this thread gets it back only
    after the interpreter's switch interval: row by row, it would never keep up.
    """
    start = 0
    for count in _AT_ONCE:
        insert = _sqlite_values(table, count) + end
        while len(rows) - start >= count:
            conn.exec_driver_sql(insert, tuple(chain.from_iterable(rows[start : start + count])))
            start += count


@cache
def _known(table: Table) -> str:
    key = table.c[0].name
    return f"SELECT {key} FROM {table.name} WHERE {key} IN (SELECT value FROM json_each(?))"  # noqa: S608


@cache
def _sqlite_values(table: Table, count: int) -> str:
    marks = ", ".join("?" * len(table.c))
    lists = ", ".join([f"({marks})"] * count)
    return f"INSERT INTO {table.name} ({_names(table)}) VALUES {lists}"  # noqa: S608


@cache
def _postgresql_insert(table: Table) -> str:
    lists = ", ".join(f"json_array_elements_text(${n}::text::json)" for n in range(1, len(table.c) + 1))
    chosen = ", ".join(f"{column.name}::{column.type}" for column in table.c)
    return f"INSERT INTO {table.name} SELECT {chosen} FROM ROWS FROM ({lists}) AS given ({_names(table)})"  # noqa: S608


@cache
def _postgresql_new(table: Table) -> str:
    return f"{_postgresql_insert(table)} ON CONFLICT DO NOTHING RETURNING {table.c[0].name}"


@cache
def _postgresql_add(table: Table) -> str:
    return _postgresql_insert(table) + adding(table)


@cache
def adding(table: Table) -> str:
    """The end of an INSERT that adds to the figures of rows that are there: all but the primary key."""
    keys = ", ".join(column.name for column in table.primary_key)
    sums = ", ".join(
        f"{column.name} = {table.name}.{column.name} + excluded.{column.name}"
        for column in table.c
        if not column.primary_key
    )
    return f" ON CONFLICT ({keys}) DO UPDATE SET {sums}"


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.c)


def _columns(rows: Tuples) -> tuple[str, ...]:
    """The rows as a JSON list for each column: driver and server read those faster than their own arrays."""
    return tuple(_list(column) for column in zip(*rows, strict=True))


def _list(values: Sequence[Any]) -> str:
    text = codec.encode_text(values)
    if "\\u0000" in text:  # As in `postgres_dialect`: PostgreSQL's text cannot hold it.
        clean = [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]
        return codec.encode_text(clean)
    return text
