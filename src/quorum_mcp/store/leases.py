"""Slices of budgets, in the database: a process takes one, bills are settled against it, what is left returns.

Of every period: leased = the sum of what its leases have left (granted - settled), and spent + leased is at
most the budget's amount, but for bills above their reservations. Whoever changes several rows locks leases
first, in the order of their ids, then periods, in the order of budget and start.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, select, update

from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.clock import DatabaseNow
from quorum_mcp.store.control_tables import budget_periods, leases
from quorum_mcp.store.place import Place

log = logging.getLogger(__name__)

Key = tuple[str, int]
"""A period: its budget, and when it begins."""
LeaseRow = Row[str, str, int, int, int]
LEASE = (leases.c.id, leases.c.budget_id, leases.c.starts_at, leases.c.granted, leases.c.settled)


class Change(Struct):
    """What happens to a period: `spent` is added, `freed` is leased no more; `overrun` closes it."""

    spent: int = 0
    freed: int = 0
    overrun: bool = False


def settle(conn: Connection, new: Iterable[AttemptRecord | CallRecord]) -> None:
    """Book what attempts cost in the budgets that they were drawn from; each must have been stored just now.

    A call that stands for its only attempt has its draws; other calls have none. A bill above what was set aside is booked in full, and closes the period.
    """
    costs, overrun = defaultdict[str, int](int), set[str]()
    for one in new:
        cost = one.cost or 0
        for draw in one.draws:
            costs[draw.lease] += cost
            if cost > draw.amount > 0:
                overrun.add(draw.lease)
    changes: dict[Key, Change] = {}
    for lease_id, cost in sorted(costs.items()):
        if not cost:
            continue
        found = conn.execute(
            update(leases)
            .where(leases.c.id == lease_id)
            .values(settled=leases.c.settled + cost)
            .returning(*LEASE)
        ).one_or_none()
        if found is None:
            log.error(
                "the lease %s of a stored attempt is not there; %d nanodollars are not booked", lease_id, cost
            )
            continue
        change = changes.setdefault((found.budget_id, found.starts_at), Change())
        change.spent += cost
        change.freed += max(0, found.granted - found.settled + cost) - max(0, found.granted - found.settled)
        change.overrun = change.overrun or lease_id in overrun
    apply(conn, changes)


def apply(conn: Connection, changes: dict[Key, Change]) -> None:
    """Change periods, whose leases are changed already."""
    for (budget_id, starts_at), change in sorted(changes.items()):
        values: dict[str, Any] = {
            "spent": budget_periods.c.spent + change.spent,
            "leased": budget_periods.c.leased - change.freed,
        }
        if change.overrun:
            values["closed"] = True
        conn.execute(
            update(budget_periods)
            .where(budget_periods.c.budget_id == budget_id, budget_periods.c.starts_at == starts_at)
            .values(**values)
        )


def give_back(conn: Connection, kept: dict[str, tuple[int, bool]]) -> set[str]:
    """Return what a process does not need of its leases.

    Args:
        conn: in a transaction that writes.
        kept: by lease, how much of it the process still holds on to (what was settled included), and whether
            it has no draw on it any more.

    Returns:
        The leases that are gone, because nothing hangs on them any more.
    """
    gone: set[str] = set()
    changes: dict[Key, Change] = {}
    for lease_id, (keep, idle) in sorted(kept.items()):
        found = conn.execute(select(*LEASE).where(leases.c.id == lease_id).with_for_update()).one_or_none()
        if found is None:
            gone.add(lease_id)
        elif idle and found.settled == keep:
            _free(changes, found, found.granted - found.settled)
            conn.execute(delete(leases).where(leases.c.id == lease_id))
            gone.add(lease_id)
        elif found.granted > keep:
            _free(changes, found, max(0, found.granted - found.settled) - max(0, keep - found.settled))
            conn.execute(update(leases).where(leases.c.id == lease_id).values(granted=keep))
    apply(conn, changes)
    return gone


def return_segment(conn: Connection, segment: str) -> int:
    """Return what a dead process had left, once all that its journal holds is stored; how many leases it had."""
    return _return(conn, conn.execute(select(*LEASE).where(leases.c.segment == segment)).all())


def left_behind(conn: Connection, look: Callable[[], Place]) -> list[str]:
    """Expired leases whose journal was in the folder that `look` looks at, and is not there.

    Their process died when a transaction of it was on the way, which came to be after its journal was stored.
    """
    expired = select(leases.c.id, leases.c.segment).where(
        leases.c.place == look().id, leases.c.expires_at < DatabaseNow()
    )
    return _absent(conn.execute(expired).all(), look)


def sweep(conn: Connection, look: Callable[[], Place]) -> int:
    """Return what is `left_behind`; how many there were."""
    return _return(conn, conn.execute(select(*LEASE).where(leases.c.id.in_(left_behind(conn, look)))).all())


def reconcile(conn: Connection, look: Callable[[], Place]) -> tuple[int, int]:
    """Return what expired leases have left whose journal waits in no folder here: how many, and nanodollars.

    For an operator who knows that those journals will not come back: what was lost with them is then not
    counted. The leases stay, so that a journal that does turn up is booked after all.
    """
    here = look().id
    expired = conn.execute(
        select(leases.c.id, leases.c.segment, leases.c.place).where(
            leases.c.expires_at < DatabaseNow(), ~leases.c.returned
        )
    ).all()
    ids = [one.id for one in expired if one.place != here]
    ids += _absent([one for one in expired if one.place == here], look, refused=False)
    old = conn.execute(
        select(*LEASE)
        .where(leases.c.id.in_(ids), leases.c.expires_at < DatabaseNow(), ~leases.c.returned)
        .order_by(leases.c.id)
        .with_for_update()
    ).all()
    changes: dict[Key, Change] = {}
    for one in old:
        _free(changes, one, one.granted - one.settled)
        conn.execute(update(leases).where(leases.c.id == one.id).values(granted=one.settled, returned=True))
    apply(conn, changes)
    return len(old), sum(change.freed for change in changes.values())


def _absent(
    found: Sequence[Row[Any, Any]] | Sequence[Row[Any, Any, Any]],
    look: Callable[[], Place],
    *,
    refused: bool = True,
) -> list[str]:
    """Those leases whose segment is not in the folder, where one that was `refused` is.

    The folder is looked at after the leases were read: a process makes its segment before it takes a lease, so one
    that is absent now is gone for good. The other way round, this process might have been stopped between the two,
    for as long as it takes another one to start, to take a lease and to let it expire.
    """
    if not found:
        return []
    place = look()
    present = place.live | place.refused if refused else place.live
    return [one.id for one in found if one.segment not in present]


def _return(conn: Connection, found: Sequence[LeaseRow]) -> int:
    changes: dict[Key, Change] = {}
    for one in sorted(found, key=lambda row: row.id):
        # Another process may be about to do the same: only one of them finds the row.
        gone = conn.execute(delete(leases).where(leases.c.id == one.id).returning(*LEASE)).one_or_none()
        if gone is not None:
            _free(changes, gone, gone.granted - gone.settled)
    apply(conn, changes)
    return len(found)


def _free(changes: dict[Key, Change], lease: LeaseRow, amount: int) -> None:
    if amount > 0:
        changes.setdefault((lease.budget_id, lease.starts_at), Change()).freed += amount
