"""Figures over many calls: how providers do, and what was used in all."""

from msgspec import Struct
from sqlalchemy import Connection, Select, case, func, select

from quorum_mcp.store.call_rows import NOT_ITS_FAULT
from quorum_mcp.store.database import Database
from quorum_mcp.store.records import CallFilter, filtered
from quorum_mcp.store.tables import calls

RECENT = 100
"""How many of a provider's last calls its mean latency is taken over."""


class ProviderStats(Struct, frozen=True):
    """A provider's last calls, at most 100: the mean latency of those that succeeded, in milliseconds."""

    calls: int
    failed: int
    mean_latency_ms: float | None


class Took(Struct, frozen=True):
    """One past call of a provider: when it began (microseconds since 1970), and how long it took."""

    at: int
    latency_ms: int | None
    ok: bool


class Totals(Struct, frozen=True):
    """Sums over calls. `cost` is in nanodollars, over those `priced` calls whose cost is known."""

    calls: int
    ok: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost: int
    priced: int
    mean_latency_ms: float | None


class CallStats:
    """Reads over many calls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def providers(self, names: list[str]) -> dict[str, ProviderStats]:
        """Figures for each named provider, over its last 100 calls that ended in an answer or an error."""

        def body(conn: Connection) -> dict[str, ProviderStats]:
            return {name: _provider(conn, name) for name in names}

        return await self._database.read(body)

    async def recent(self, names: list[str], tenant: str | None) -> dict[str, list[Took]]:
        """The last 100 such calls of each named provider, the oldest first; of one tenant, or of all (None)."""

        def body(conn: Connection) -> dict[str, list[Took]]:
            return {name: _recent(conn, name, tenant) for name in names}

        return await self._database.read(body)

    async def totals(self, where: CallFilter) -> Totals:
        """Sums over the calls of the filter."""
        ok = case((calls.c.status == "ok", 1))
        failed = case((calls.c.status == "error", 1))
        statement = filtered(
            select(
                func.count(),
                func.count(ok),
                func.count(failed),
                func.coalesce(func.sum(calls.c.input_tokens), 0),
                func.coalesce(func.sum(calls.c.output_tokens), 0),
                func.coalesce(func.sum(calls.c.cost), 0),
                func.count(calls.c.cost),
                func.avg(case((calls.c.status == "ok", calls.c.latency_ms))),
            ),
            where,
        )

        def body(conn: Connection) -> Totals:
            row = conn.execute(statement).one()
            counts = [int(count) for count in row[:7]]
            return Totals(*counts, mean_latency_ms=None if row[7] is None else float(row[7]))

        return await self._database.read(body)


def _last(name: str, tenant: str | None = None) -> Select[str, int | None, int]:
    """The last calls of a provider that say something about it."""
    statement = select(calls.c.status, calls.c.latency_ms, calls.c.created_at).where(
        calls.c.provider == name,
        calls.c.status.in_(("ok", "error")),
        func.coalesce(calls.c.error_code, "").not_in(NOT_ITS_FAULT),
    )
    if tenant is not None:
        statement = statement.where(calls.c.tenant == tenant)
    return statement.order_by(calls.c.created_at.desc()).limit(RECENT)


def _recent(conn: Connection, name: str, tenant: str | None) -> list[Took]:
    found = conn.execute(_last(name, tenant)).all()
    return [Took(at, latency, status == "ok") for status, latency, at in reversed(found)]


def _provider(conn: Connection, name: str) -> ProviderStats:
    last = _last(name).subquery()
    row = conn.execute(
        select(
            func.count(),
            func.count(case((last.c.status == "error", 1))),
            func.avg(case((last.c.status == "ok", last.c.latency_ms))),
        ).select_from(last)
    ).one()
    return ProviderStats(row[0], row[1], None if row[2] is None else float(row[2]))
