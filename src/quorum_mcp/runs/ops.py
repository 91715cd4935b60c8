"""What callers can do with sessions, whatever runs in them."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.errors import InvalidInput
from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.paging import Cursor, Limit, Next
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.run_list import RunFilter, RunList, Summary

Status = Literal["queued", "running", "completed", "failed", "cancelled", "expired"]


class SessionFilter(BaseModel):
    """Which sessions to list."""

    model_config = ConfigDict(extra="forbid")
    limit: Limit = 50
    status: Status | None = Field(None, description="Only sessions in this state.")
    q: str | None = Field(None, max_length=200, description="Text that the first question holds.")
    since: str | None = Field(None, description="Created at or after, ISO 8601.")
    until: str | None = Field(None, description="Created before, ISO 8601.")
    cursor: Cursor = None


class SessionLine(BaseModel):
    """One line of the list of sessions. Times are ISO 8601 in UTC, the cost is USD."""

    session_id: str = Field(description="The session's id.")
    status: Status = Field(description="Where it stands.")
    mode: str = Field(description="The mode of its last turn.")
    title: str = Field(description="The beginning of its first question.")
    turns: int = Field(description="Questions asked in it.")
    calls: int = Field(description="Model calls of all turns.")
    total_cost: float = Field(description="USD, all turns.")
    simulated: bool = Field(description="Whether a simulated model took part.")
    created_at: str = Field(description="When it began.")
    updated_at: str = Field(description="When something last happened in it.")
    finished_at: str | None = Field(description="When its last turn ended; null while it is open.")


class SessionPage(BaseModel):
    """Sessions, newest first, and the cursor of the next page (null on the last)."""

    sessions: list[SessionLine] = Field(description="Newest first.")
    next: Next


class SessionId(BaseModel):
    """A session."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(description="The session's id.")


class SessionState(BaseModel):
    """A session and where it stands."""

    session_id: str = Field(description="The session's id.")
    status: Status = Field(description="Where it stands now.")


class SeatId(SessionId):
    """One seat of a running session: its number."""

    seat: str = Field(description="Its number.")


async def list_sessions(ctx: Context, given: SessionFilter) -> SessionPage:
    """The caller's sessions, newest first."""
    where = RunFilter(
        tenant=ctx.principal.tenant,
        status=given.status,
        q=given.q,
        since=micros("since", given.since),
        until=micros("until", given.until),
    )
    page = await ctx.get(RunList).page(where, limit=given.limit, cursor=given.cursor)
    return SessionPage(sessions=[line(summary) for summary in page.items], next=page.next)


async def cancel(ctx: Context, given: SessionId) -> SessionState:
    """Stop a running session; its unfinished calls end within a second. One that has ended stays as it is."""
    run = await ctx.get(Runs).cancel(given.session_id, ctx.principal.tenant)
    return SessionState(session_id=run.id, status=run.status)


async def stop_seat(ctx: Context, given: SeatId) -> SessionState:
    """Give up one seat of a running session; the others go on and the answer says so."""
    run = await ctx.get(Runs).stop_part(given.session_id, ctx.principal.tenant, given.seat)
    return SessionState(session_id=run.id, status=run.status)


def line(summary: Summary) -> SessionLine:
    """A line of the list."""
    return SessionLine(
        session_id=summary.id,
        status=summary.status,
        mode=summary.mode,
        title=summary.title,
        turns=summary.turn,
        calls=summary.calls,
        total_cost=money.to_usd(summary.total_cost or 0),
        simulated=summary.simulated,
        created_at=stamp(summary.created_at / MICROSECONDS),
        updated_at=stamp(summary.updated_at / MICROSECONDS),
        finished_at=None if summary.finished_at is None else stamp(summary.finished_at / MICROSECONDS),
    )


def micros(name: str, text: str | None) -> int | None:
    """An ISO 8601 time as microseconds since 1970; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{name}: {text!r} is not a time", hint="write 2026-11-21 or 2026-11-21T08:00:00Z"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * MICROSECONDS)


OPERATIONS = [
    Operation(
        "sessions.list", "The sessions, newest first.", list_sessions, SessionFilter, SessionPage,
        http=Http("GET", "/api/sessions"),
    ),
    Operation(
        "session.cancel", "Stop a running session.", cancel, SessionId, SessionState, Effect.WRITE,
        frozenset({"ask"}), http=Http("POST", "/api/session/{session_id}/cancel"),
        surfaces=frozenset({"rest", "websocket", "cli", "sdk"}),
    ),
    Operation(
        "seat.stop", "Give up one seat of a running session.", stop_seat, SeatId, SessionState, Effect.WRITE,
        frozenset({"ask"}), http=Http("POST", "/api/session/{session_id}/seats/{seat}/stop"),
    ),
]  # fmt: skip
