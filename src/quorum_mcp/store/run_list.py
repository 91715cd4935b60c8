"""Lists of sessions: filtered, searched, in pages."""

from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Select, func, select

from quorum_mcp.store.database import Database
from quorum_mcp.store.page import Page, encode_cursor, paged
from quorum_mcp.store.run_rows import RunStatus, Summary
from quorum_mcp.store.tables import runs

S = TypeVar("S", bound=Select[*tuple[Any, ...]])
_columns = [runs.c[name] for name in Summary.__struct_fields__]


class RunFilter(Struct, frozen=True, kw_only=True):
    """Which sessions: those that satisfy every field that is set.

    Attributes:
        q: text that the first question holds, in any case.
        since: created at or after, `until`: created before; microseconds since 1970.
    """

    tenant: str | None = None
    status: RunStatus | None = None
    kind: str | None = None
    q: str | None = None
    since: int | None = None
    until: int | None = None


class RunList:
    """Reads over many runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Summary]:
        """A page of sessions, newest first; `cursor` is the `next` of the page before.

        Raises:
            InvalidInput: a cursor that is not ours, or a limit outside 1 to 500.
        """
        statement = paged(
            _filtered(select(*_columns), where), runs.c.created_at, runs.c.id, limit=limit, cursor=cursor
        )

        def body(conn: Connection) -> list[Summary]:
            return [Summary(**row) for row in conn.execute(statement).mappings()]

        found = await self._database.read(body)
        if len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], encode_cursor(last.created_at, last.id))

    async def counts(self, tenant: str | None = None) -> dict[str, int]:
        """How many sessions have each status; a status that none has is absent."""
        statement = _filtered(select(runs.c.status, func.count()), RunFilter(tenant=tenant))
        statement = statement.group_by(runs.c.status)
        return await self._database.read(lambda conn: dict(conn.execute(statement).all()))


def _filtered(statement: S, where: RunFilter) -> S:
    if where.tenant is not None:
        statement = statement.where(runs.c.tenant == where.tenant)
    if where.status is not None:
        statement = statement.where(runs.c.status == where.status)
    if where.kind is not None:
        statement = statement.where(runs.c.kind == where.kind)
    if where.q:
        statement = statement.where(runs.c.search.contains(where.q.casefold(), autoescape=True))
    if where.since is not None:
        statement = statement.where(runs.c.created_at >= where.since)
    if where.until is not None:
        statement = statement.where(runs.c.created_at < where.until)
    return statement
