"""Time in the store: integer microseconds since 1970 in UTC, the one form of every stored timestamp.

Integers compare, sort and page alike on every engine, and carry no time zone to get wrong. Times that several
processes compare with one another (heartbeats) come from the database's own clock, through `DatabaseNow`.
"""

import time
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

MICROSECONDS = 1_000_000


def now_us() -> int:
    """This process's wall clock, in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1_000


class DatabaseNow(FunctionElement[int]):
    """The database's wall clock as an SQL expression, in microseconds since 1970 (UTC)."""

    type = BigInteger()
    inherit_cache = True
    name = "database_now"


@compiles(DatabaseNow, "sqlite")
def on_sqlite(_element: DatabaseNow, _compiler: SQLCompiler, **_options: Any) -> str:
    """The expression in SQLite's words."""
    # Julian days, exact to 0.05 ms: the sub-second form of unixepoch() came only with SQLite 3.42.
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(DatabaseNow, "postgresql")
def on_postgresql(_element: DatabaseNow, _compiler: SQLCompiler, **_options: Any) -> str:
    """The expression in PostgreSQL's words."""
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
