"""Taking slices of budgets: all that a call needs, or none, in one transaction.

The order of locks is that of `leases`: leases by id, then periods by budget.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from quorum_mcp.config.bounds import Period
from quorum_mcp.store.clock import DatabaseNow
from quorum_mcp.store.control_tables import budget_periods, budgets, leases
from quorum_mcp.store.dialect import changed, insert_new
from quorum_mcp.store.periods import Window, window

SHARES = 4
"""A slice is at most the remaining money, divided by this and the number of processes that hold one."""


class Want(Struct, frozen=True, kw_only=True):
    """What a process wants of one budget.

    Attributes:
        lease: the lease it has, which is of the period that begins at `starts_at`; None: it has none.
        fresh: the id of the lease to make where it needs one.
        need: nanodollars at least; 0: only that the lease is there, which goes on for `life` microseconds.
        amount: the budget's limit where it is no row of the table.
    """

    budget: str
    period: Period
    fresh: str
    lease: str | None = None
    starts_at: int | None = None
    need: int
    life: int
    amount: int | None


class Grant(Struct, frozen=True):
    """A lease as it is now: `granted` nanodollars in all."""

    budget: str
    lease: str
    window: Window
    granted: int


class Denial(Struct, frozen=True):
    """Why there is nothing: `available` nanodollars of `amount`; `gone`: there is no such budget any more."""

    budget: str
    window: Window
    available: int
    amount: int
    closed: bool = False
    gone: bool = False


class Taken(Struct, frozen=True):
    """Every want is granted, or some are denied, or (and then neither) some leases are `lost`.

    A lost lease was returned behind the process's back. `now` is the database's time.
    """

    now: int
    grants: tuple[Grant, ...] = ()
    denials: tuple[Denial, ...] = ()
    lost: frozenset[str] = frozenset()


class _Found(Struct):
    want: Want
    window: Window
    held: bool
    slice: int


def take(conn: Connection, wants: Sequence[Want], segment: str, place: str, zone: tzinfo) -> Taken:
    """Take slices for the process whose journal is `segment`, in the folder `place`."""
    now = conn.execute(select(DatabaseNow())).scalar_one()
    held, lost = _renew(conn, wants, now)
    if lost:
        return Taken(now, lost=lost)
    found: list[_Found] = []
    denials: list[Denial] = []
    for want in sorted(wants, key=lambda one: one.budget):
        current = window(want.period, now, zone)
        state, current = _period(conn, want, current, zone)
        mine = want.lease in held and want.starts_at == current.starts_at
        amount = want.amount if want.amount is not None else state.amount
        if amount is None:
            denials.append(Denial(want.budget, current, 0, 0, gone=True))
            continue
        left = amount - state.spent - state.leased
        closed = state.closed and want.amount is None  # what is no row cannot be set again, to open it
        if closed or (want.need and left < want.need):
            denials.append(Denial(want.budget, current, max(0, left), amount, closed=closed))
        share = left // (SHARES * max(1, state.holders + (0 if mine else 1))) if want.need else 0
        found.append(_Found(want, current, mine, max(want.need, share)))
    if denials:
        return Taken(now, denials=tuple(denials))
    for one in found:
        _lease_out(conn, one)
    return Taken(now, tuple(_grant(conn, one, segment, place, now) for one in found))


def _renew(conn: Connection, wants: Sequence[Want], now: int) -> tuple[set[str], frozenset[str]]:
    """Lock the leases that the process has, and let them go on; those that are there, and those that are not."""
    held: set[str] = set()
    lost: set[str] = set()
    for want in sorted(wants, key=lambda one: one.lease or ""):
        if want.lease is None:
            continue
        renewed = conn.execute(
            update(leases)
            .where(leases.c.id == want.lease, ~leases.c.returned)
            .values(expires_at=now + want.life)
        )
        (held if changed(renewed) else lost).add(want.lease)
    return held, frozenset(lost)


def _period(
    conn: Connection, want: Want, current: Window, zone: tzinfo
) -> tuple[Row[Any, Any, Any, Any, Any], Window]:
    """The period's figures, locked, and its window; made where it is new."""
    found = conn.execute(_figures(want.budget, current.starts_at)).one_or_none()
    if found is not None:
        return found, current
    # A clock that was set back must not open a new period: the latest goes on until the clock gets there.
    latest = conn.execute(
        select(func.max(budget_periods.c.starts_at)).where(budget_periods.c.budget_id == want.budget)
    ).scalar()
    if latest is not None and latest > current.starts_at:
        current = window(want.period, latest, zone)
    start_period(conn, want.budget, current.starts_at)
    return conn.execute(_figures(want.budget, current.starts_at)).one(), current


def start_period(conn: Connection, budget_id: str, starts_at: int, spent: int = 0) -> None:
    """Make a period's row, unless it is there."""
    conn.execute(
        insert_new(conn, budget_periods),
        {"budget_id": budget_id, "starts_at": starts_at, "spent": spent, "leased": 0, "closed": False, "alerted": 0},
    )  # fmt: skip


def _figures(budget_id: str, starts_at: int) -> Any:
    holders = (
        select(func.count())
        .where(
            leases.c.budget_id == budget_periods.c.budget_id, leases.c.starts_at == budget_periods.c.starts_at
        )
        .scalar_subquery()
    )
    amount = select(budgets.c.amount).where(budgets.c.id == budget_periods.c.budget_id).scalar_subquery()
    return (
        select(
            budget_periods.c.spent,
            budget_periods.c.leased,
            budget_periods.c.closed,
            amount.label("amount"),
            holders.label("holders"),
        )
        .where(_is(budget_id, starts_at))
        .with_for_update()
    )


def _lease_out(conn: Connection, one: _Found) -> None:
    if one.slice:
        conn.execute(
            update(budget_periods)
            .where(_is(one.want.budget, one.window.starts_at))
            .values(leased=budget_periods.c.leased + one.slice)
        )


def _grant(conn: Connection, one: _Found, segment: str, place: str, now: int) -> Grant:
    want = one.want
    if one.held and want.lease is not None:
        granted = conn.execute(
            update(leases)
            .where(leases.c.id == want.lease)
            .values(granted=leases.c.granted + one.slice)
            .returning(leases.c.granted)
        ).scalar_one()
        return Grant(want.budget, want.lease, one.window, granted)
    conn.execute(
        insert(leases).values(
            id=want.fresh,
            budget_id=want.budget,
            starts_at=one.window.starts_at,
            segment=segment,
            place=place,
            granted=one.slice,
            settled=0,
            returned=False,
            expires_at=now + want.life,
        )
    )
    return Grant(want.budget, want.fresh, one.window, one.slice)


def _is(budget_id: str, starts_at: int) -> ColumnElement[bool]:
    return (budget_periods.c.budget_id == budget_id) & (budget_periods.c.starts_at == starts_at)
