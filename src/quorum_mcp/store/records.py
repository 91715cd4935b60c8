"""Writing and reading the records of calls. Writing is idempotent: a row is stored once, however often it comes."""

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from msgspec import Struct, structs
from sqlalchemy import Connection, Select, func, select

from quorum_mcp import codec
from quorum_mcp.store.bulk import store_new
from quorum_mcp.store.call_rows import (
    AttemptRecord,
    CallRecord,
    CallStatus,
    attempt_row,
    call_of,
    call_row,
    only_attempt,
)
from quorum_mcp.store.database import Database
from quorum_mcp.store.leases import settle
from quorum_mcp.store.page import Page, encode_cursor, paged
from quorum_mcp.store.rollups import roll_up
from quorum_mcp.store.tables import attempts, calls

S = TypeVar("S", bound=Select[*tuple[Any, ...]])
_EQUAL = ("tenant", "run_id", "provider", "model", "role", "key_id", "status", "simulated")
_SLIM = [column.label(column.name) for column in calls.c if column.name not in ("prompt", "answer")]


class CallFilter(Struct, frozen=True, kw_only=True):
    """Which calls: those that satisfy every field that is set.

    Attributes:
        tag: one of the tags that it carries.
        since: begun at or after, `until`: begun before; microseconds since 1970.
        simulated: only simulated calls, or only real ones.
    """

    tenant: str | None = None
    run_id: str | None = None
    provider: str | None = None
    model: str | None = None
    role: str | None = None
    key_id: str | None = None
    tag: str | None = None
    status: CallStatus | None = None
    simulated: bool | None = None
    since: int | None = None
    until: int | None = None


class Records:
    """The calls of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, where: CallFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Page[CallRecord]:
        """A page of calls, newest first, without their content; `cursor` is the `next` of the page before.

        Raises:
            InvalidInput: a cursor that is not ours, or a limit outside 1 to 500.
        """
        statement = paged(
            filtered(select(*_SLIM), where), calls.c.created_at, calls.c.id, limit=limit, cursor=cursor
        )

        def body(conn: Connection) -> list[CallRecord]:
            return [call_of(row) for row in conn.execute(statement).mappings()]

        found = await self._database.read(body)
        if len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], encode_cursor(last.created_at, last.id))

    async def get(
        self, call_id: str, *, tenant: str | None = None
    ) -> tuple[CallRecord, list[AttemptRecord]] | None:
        """One call with its content and its attempts in order; None where the tenant has no such call."""
        statement = filtered(select(calls).where(calls.c.id == call_id), CallFilter(tenant=tenant))
        tries = select(attempts).where(attempts.c.call_id == call_id).order_by(attempts.c.n)

        def body(conn: Connection) -> tuple[CallRecord, list[AttemptRecord]] | None:
            row = conn.execute(statement).mappings().first()
            if row is None:
                return None
            call, rows = call_of(row), conn.execute(tries).mappings().all()
            if not rows and call.attempts == 1:
                return call, [only_attempt(call)]
            return call, [AttemptRecord(**dict(one)) for one in rows]

        return await self._database.read(body)


def filtered(statement: S, where: CallFilter) -> S:
    """`statement` over the table `calls`, narrowed to the filter."""
    for name in _EQUAL:
        if (value := getattr(where, name)) is not None:
            statement = statement.where(calls.c[name] == value)
    if where.tag is not None:
        statement = statement.where(calls.c.tags.contains(codec.encode_text(where.tag), autoescape=True))
    if where.since is not None:
        statement = statement.where(calls.c.created_at >= where.since)
    if where.until is not None:
        statement = statement.where(calls.c.created_at < where.until)
    return statement


def store_records(
    conn: Connection, new_attempts: Sequence[AttemptRecord], new_calls: Sequence[CallRecord]
) -> None:
    """Insert the rows that are not there yet. What hangs on a record being new belongs in here too.

    All is settled at once, because locks of leases have an order within the whole transaction.
    """
    stored = store_new(conn, attempts, [attempt_row(attempt) for attempt in new_attempts])
    tried = [attempt for attempt in new_attempts if attempt.id in stored]
    stored = store_new(conn, calls, [call_row(call) for call in new_calls])
    called = {call.id: call for call in new_calls if call.id in stored}.values()
    settle(conn, [*tried, *called])
    roll_up(conn, called)


def stored_alone(conn: Connection, call_ids: Collection[str]) -> set[str]:
    """Which of these calls are stored with a result of their first attempt: it needs no row, and may have none."""
    if not call_ids:
        return set()
    alone = select(calls.c.id).where(calls.c.id.in_(call_ids), calls.c.attempts == 1, calls.c.status == "ok")
    return set(conn.execute(alone).scalars())


def unfinished(conn: Connection, call: CallRecord) -> CallRecord:
    """A call whose process died before it ended, as far as it is known: it used what its attempts used."""
    used = conn.execute(
        select(
            func.count(),
            func.sum(attempts.c.input_tokens),
            func.sum(attempts.c.output_tokens),
            func.sum(attempts.c.cost),
        ).where(attempts.c.call_id == call.id)
    ).one()
    return structs.replace(
        call,
        status="unknown",
        estimated=True,
        attempts=used[0],
        input_tokens=int(used[1] or 0),
        output_tokens=int(used[2] or 0),
        cost=None if used[3] is None else int(used[3]),
    )
