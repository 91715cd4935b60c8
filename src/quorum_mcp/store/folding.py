"""Old slots of figures are put together to longer ones: what is long ago is asked for in days, not in minutes."""

import time
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Table, func, select

from quorum_mcp.store.bulk import adding
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.control_tables import histograms, rollups
from quorum_mcp.store.database import Database
from quorum_mcp.store.rollups import MEASURES

HOUR: Final = 3600 * MICROSECONDS
DAY: Final = 24 * HOUR


class Fold(Struct, frozen=True):
    """Slots of a table, or of one measure of it, that ended `age` ago become slots of `length`, in microseconds."""

    table: Table
    length: int
    age: int
    measure: str | None = None


FOLDS = (
    *(Fold(histograms, HOUR, 2 * HOUR, measure) for measure in MEASURES),
    *(Fold(histograms, DAY, 8 * DAY, measure) for measure in MEASURES),
    Fold(rollups, HOUR // 4, 2 * HOUR),  # Every time zone's day begins at a quarter of an hour.
    Fold(rollups, HOUR, 35 * DAY),
)
RECENT = 3 * DAY
"""How far the search for slots to fold goes back, unless it is thorough."""


async def fold(
    database: Database, now_us: int, *, thorough: bool = True, end: float = float("inf")
) -> tuple[int, bool]:
    """Put together what is old enough. Any number of processes may do so at once.

    Args:
        database: whose figures.
        now_us: the time, microseconds since 1970.
        thorough: look at all slots, which takes long where there are years of them; else at recent ones.
        end: when to stop, on the monotonic clock, seconds.

    Returns:
        How many longer slots were made, and whether that is all.
    """
    made = 0
    for one in FOLDS:
        last = (now_us - one.age) // one.length * one.length
        first = 0 if thorough else last - RECENT - one.length
        while True:
            span = first, last
            found = await database.write(lambda conn, one=one, span=span: _fold_oldest(conn, one, *span))
            if found is None:
                break
            made, first = made + 1, found
            if time.monotonic() > end:
                return made, False
    return made, True


def _fold_oldest(conn: Connection, one: Fold, first: int, last: int) -> int | None:
    """Make one longer slot, of the oldest shorter ones between two times; its end, None where there were none."""
    starts_at, chosen = one.table.c.starts_at, ""
    oldest = select(func.min(starts_at)).where(
        starts_at >= first, starts_at < last, starts_at % one.length != 0
    )
    if one.measure is not None:
        oldest, chosen = oldest.where(histograms.c.measure == one.measure), f"measure = '{one.measure}' AND "
    found = conn.execute(oldest).scalar()
    if found is None:
        return None
    begin = found - found % one.length
    stop = begin + one.length
    shorter = f"FROM {one.table.name} WHERE {chosen}starts_at > {begin:d} AND starts_at < {stop:d}"
    if conn.dialect.name == "postgresql":
        # In one statement: a row that somebody adds to at the same time is taken with that, or it waits.
        conn.exec_driver_sql(
            f"WITH gone AS (DELETE {shorter} RETURNING *) {_longer(one.table, begin, 'FROM gone')}"
        )
    else:
        conn.exec_driver_sql(_longer(one.table, begin, shorter))
        conn.exec_driver_sql(f"DELETE {shorter}")
    return stop


def _longer(table: Table, begin: int, source: str) -> str:
    """The statement that adds the rows of `source` to those of the slot that begins at `begin`."""
    values = {"starts_at": f"{begin:d}"}
    chosen = [
        values.get(name, name) if column.primary_key else f"CAST(SUM({name}) AS BIGINT)"
        for name, column in table.c.items()
    ]
    groups = ", ".join(column.name for column in table.primary_key if column.name not in values)
    # In the order of the keys, in which everyone locks such rows.
    return f"INSERT INTO {table.name} SELECT {', '.join(chosen)} {source} GROUP BY {groups} ORDER BY {groups}{adding(table)}"
