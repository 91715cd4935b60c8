"""Budgets as rows, and the figures of their periods."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Literal

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from quorum_mcp.config.bounds import Period
from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import DatabaseNow
from quorum_mcp.store.control_tables import budget_periods, budgets, rollups
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, put
from quorum_mcp.store.periods import window
from quorum_mcp.store.slices import start_period
from quorum_mcp.store.tables import calls, meta

_VERSION = "budgets"
"""The row of `meta` that changes with every change of a budget."""
_version = select(meta.c.value).where(meta.c.name == _VERSION)


class BudgetRow(Struct, frozen=True, kw_only=True):
    """A budget: `amount` nanodollars for each period; of one provider, tenant, key, or (None) of all.

    `source` is the file that a `config` one stands in; `created_at` and `updated_at` are the database's time.
    """

    id: str
    period: Period
    amount: int
    provider: str | None = None
    tenant: str | None = None
    key_id: str | None = None
    alert_threshold: float = 0.8
    enforce: bool = True
    origin: Literal["config", "user"] = "user"
    source: str | None = None
    created_at: int = 0
    updated_at: int = 0


class PeriodState(Struct, frozen=True):
    """What has become of one period of a budget; amounts in nanodollars."""

    budget_id: str
    starts_at: int
    spent: int
    leased: int
    closed: bool
    alerted: int


class Loaded(Struct, frozen=True):
    """The database's time, and all budgets; None where they are as the caller knows them."""

    now: int
    version: str
    rows: tuple[BudgetRow, ...] | None


def budget_id(period: str, provider: str | None, tenant: str | None, key_id: str | None) -> str:
    """The id of a budget: equal ones have the same, so that one replaces the other."""
    text = "\0".join(("" if part is None else f"={part}") for part in (period, provider, tenant, key_id))
    return "bud_" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]


class BudgetStore:
    """The budgets of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, known: str | None = None) -> Loaded:
        """The budgets, if they have changed since the version that the caller knows."""

        def body(conn: Connection) -> Loaded:
            now = conn.execute(select(DatabaseNow())).scalar_one()
            version = conn.execute(_version).scalar() or ""
            if version == known:
                return Loaded(now, version, None)
            found = conn.execute(select(budgets).order_by(budgets.c.created_at, budgets.c.id)).mappings()
            return Loaded(now, version, tuple(BudgetRow(**dict(row)) for row in found))

        return await self._database.read(body)

    async def put(self, row: BudgetRow, zone: tzinfo) -> BudgetRow:
        """Set a budget, or replace the one of the same id. It opens a closed period, and alerts begin anew.

        A new one counts what was spent in its period before, as far as that is stored.
        """
        return await self._database.write(lambda conn: _put(conn, row, zone))

    async def delete(self, budget: str) -> bool:
        """Remove a budget; whether it was there."""

        def body(conn: Connection) -> bool:
            found = changed(conn.execute(delete(budgets).where(budgets.c.id == budget)))
            if found:
                _changed(conn)
            return bool(found)

        return await self._database.write(body)

    async def sync(self, rows: Sequence[BudgetRow], source: str, zone: tzinfo) -> None:
        """Make the budgets of one file what the file says, but for those that a user set since."""

        def body(conn: Connection) -> None:
            stored = {
                row["id"]: BudgetRow(**dict(row)) for row in conn.execute(select(budgets)).mappings().all()
            }
            for row in sorted(rows, key=lambda one: one.id):
                old = stored.get(row.id)
                if old is None or (old.origin == "config" and _differ(old, row)):
                    _put(conn, row, zone)
            kept = [row.id for row in rows]
            left = [b.id for b in stored.values() if b.origin == "config" and b.source == source]
            if stale := sorted(set(left) - set(kept)):
                conn.execute(delete(budgets).where(budgets.c.id.in_(stale)))
                _changed(conn)

        await self._database.write(body)

    async def spent(self, tenant: str | None) -> dict[str, int]:
        """Nanodollars that all calls ever (of one tenant) cost, by provider; their rows may be gone long since."""
        cost = func.sum(rollups.c.cost)
        total = (
            select(rollups.c.provider, cost)
            .group_by(rollups.c.provider)
            .having(cost > 0)
            .order_by(rollups.c.provider)
        )
        if tenant is not None:
            total = total.where(rollups.c.tenant == tenant)

        def body(conn: Connection) -> dict[str, int]:
            return {provider: int(cost) for provider, cost in conn.execute(total)}

        return await self._database.read(body)

    async def states(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], PeriodState]:
        """The periods that there are among these, by budget and start."""
        wanted = list(keys)

        def body(conn: Connection) -> dict[tuple[str, int], PeriodState]:
            found: dict[tuple[str, int], PeriodState] = {}
            for start in range(0, len(wanted), 200):
                which = or_(*(_is(*key) for key in wanted[start : start + 200]))
                for row in conn.execute(select(budget_periods).where(which)).mappings():
                    found[row["budget_id"], row["starts_at"]] = PeriodState(**dict(row))
            return found

        return await self._database.read(body) if wanted else {}


def announce(conn: Connection, key: tuple[str, int], level: int) -> bool:
    """Note that a share (in percent) of a period was announced; False where somebody else did before."""
    return bool(
        changed(
            conn.execute(
                update(budget_periods)
                .where(_is(*key), budget_periods.c.alerted < level)
                .values(alerted=level)
            )
        )
    )


def _put(conn: Connection, row: BudgetRow, zone: tzinfo) -> BudgetRow:
    now = conn.execute(select(DatabaseNow())).scalar_one()
    old = conn.execute(select(budgets.c.created_at).where(budgets.c.id == row.id)).scalar()
    row = structs.replace(row, created_at=old or now, updated_at=now)
    conn.execute(put(conn, budgets), structs.asdict(row))
    _changed(conn)
    current = window(row.period, now, zone)
    start_period(conn, row.id, current.starts_at)
    if old is None and row.period != "total":
        spent = _spent(conn, row, current.starts_at)
        more = budget_periods.c.spent < spent
        conn.execute(update(budget_periods).where(_is(row.id, current.starts_at), more).values(spent=spent))
    which = and_(budget_periods.c.budget_id == row.id, budget_periods.c.starts_at >= current.starts_at)
    conn.execute(update(budget_periods).where(which).values(closed=False, alerted=0))
    return row


def _spent(conn: Connection, row: BudgetRow, since: int) -> int:
    """Nanodollars that the stored calls cost which would have counted."""
    total = select(func.sum(calls.c.cost)).where(calls.c.created_at >= since, ~calls.c.simulated)
    for column, value in (
        (calls.c.provider, row.provider),
        (calls.c.tenant, row.tenant),
        (calls.c.key_id, row.key_id),
    ):
        if value is not None:
            total = total.where(column == value)
    return int(conn.execute(total).scalar() or 0)


def _differ(old: BudgetRow, new: BudgetRow) -> bool:
    names = ("amount", "alert_threshold", "enforce", "source")
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _changed(conn: Connection) -> None:
    conn.execute(put(conn, meta), {"name": _VERSION, "value": new_id("ver")})


def _is(budget: str, starts_at: int) -> ColumnElement[bool]:
    return and_(budget_periods.c.budget_id == budget, budget_periods.c.starts_at == starts_at)
