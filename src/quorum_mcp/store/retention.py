"""Records that are too old are deleted, some at a time; the figures that were added up of them stay.

Deleted are calls with their attempts; sessions that are not open, with their events, scores and the keys that name
them, once nothing has happened in them for so long; uploaded files, stored responses, alerts, and messages to
webhooks that are not tried any more. Answers that are kept for repeats go after a day. Budgets, their periods and leases are not touched: what was spent is written
there. Nor is what scores taught about models.

A journal that comes back later than that, with a machine that was away, finds none of its records any more and is
stored once more: spending is then rather counted twice than not at all.
"""

import time
from collections.abc import Callable

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, select

from quorum_mcp.store.control_tables import alerts, deliveries
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed
from quorum_mcp.store.kept_answers import forget_old
from quorum_mcp.store.runs import OPEN
from quorum_mcp.store.tables import attempts, calls, files, idempotency_keys, responses, runs

BATCH = 500
"""Rows that one transaction deletes: no other waits longer than for that."""
Remove = Callable[[Connection, int], int]


async def forget(database: Database, before: int, end: float = float("inf")) -> tuple[int, bool]:
    """Delete what is older than `before` (microseconds since 1970).

    Any number of processes may do so at once.

    Args:
        database: whose records.
        before: see above.
        end: when to stop, on the monotonic clock, seconds.

    Returns:
        How many records were deleted, and whether that is all.
    """
    total = 0
    for remove in REMOVALS:
        found = BATCH
        while found == BATCH:
            if time.monotonic() > end:
                return total, False
            found = await database.write(lambda conn, remove=remove: remove(conn, before))
            total += found
    return total, True


def _calls(conn: Connection, before: int) -> int:
    ids = _oldest(conn, calls, calls.c.created_at, before)
    conn.execute(delete(attempts).where(attempts.c.call_id.in_(ids)))
    return changed(conn.execute(delete(calls).where(calls.c.id.in_(ids))))


def _runs(conn: Connection, before: int) -> int:
    closed = and_(runs.c.status.not_in(OPEN), runs.c.updated_at < before)
    ids = _oldest(conn, runs, runs.c.created_at, before, closed)
    return changed(conn.execute(delete(runs).where(runs.c.id.in_(ids))))


def _idempotency_keys(conn: Connection, before: int) -> int:
    """The keys of sessions that are gone."""
    key = idempotency_keys.c
    orphans = and_(key.created_at < before, key.run_id.not_in(select(runs.c.id)))
    return changed(conn.execute(delete(idempotency_keys).where(orphans)))


def _rows(table: Table, at: Column[int], *also: ColumnElement[bool]) -> Remove:
    """Removes rows of a table whose time `at` is too long ago."""

    def remove(conn: Connection, before: int) -> int:
        ids = _oldest(conn, table, at, before, *also)
        return changed(conn.execute(delete(table).where(table.c.id.in_(ids))))

    return remove


def _oldest(
    conn: Connection, table: Table, at: Column[int], before: int, *also: ColumnElement[bool]
) -> list[str]:
    """The ids of some of the oldest rows, which nobody else is about to delete."""
    oldest = select(table.c.id).where(at < before, *also).order_by(at).limit(BATCH)
    return list(conn.execute(oldest.with_for_update(skip_locked=True)).scalars())


REMOVALS: tuple[Remove, ...] = (
    _calls,
    _runs,
    _idempotency_keys,
    forget_old,
    _rows(files, files.c.created_at),
    _rows(responses, responses.c.created_at),
    _rows(alerts, alerts.c.at),
    _rows(deliveries, deliveries.c.created_at, deliveries.c.next_at.is_(None)),
)
