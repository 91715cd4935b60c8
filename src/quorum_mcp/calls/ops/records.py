"""The records of calls: lists, one call with its trace, counts."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.paging import Cursor, Limit, Next
from quorum_mcp.runs.ops import micros
from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import CallFilter, Records
from quorum_mcp.store.run_list import RunList


class CallQuery(BaseModel):
    """Which calls to list."""

    model_config = ConfigDict(extra="forbid")
    limit: Limit = 50
    session_id: str | None = Field(None, description="Only calls of this session.")
    provider: str | None = Field(None, description="Only calls of this provider.")
    model: str | None = Field(None, description="Only calls of this model, by the provider's own name.")
    status: Literal["ok", "error", "cancelled", "unknown"] | None = Field(
        None, description="Only calls that ended so."
    )
    role: str | None = Field(None, max_length=50, description="Only calls made for this.")
    key_id: str | None = Field(None, max_length=200, description="Only calls that this API key asked for.")
    tag: str | None = Field(None, max_length=200, description="Only calls that carry this tag.")
    since: str | None = Field(None, description="Begun at or after, ISO 8601.")
    until: str | None = Field(None, description="Begun before, ISO 8601.")
    cursor: Cursor = None


class CallView(BaseModel):
    """One call's record: cost in USD (null: no known price), times in seconds or ISO 8601, no content."""

    id: str = Field(description="The call's id.")
    session_id: str | None = Field(description="The session it belongs to; null for a call of its own.")
    provider: str = Field(description="Who was asked.")
    model: str = Field(description="The provider's own name of the model.")
    role: str = Field(
        description="What it was made for: `answer`, `critique`, `advocate`, `defence`, `judge`, `synthesizer` or `generate`."
    )
    surface: str = Field(description="Which part of Quorum made it.")
    key_id: str | None = Field(description="The API key that asked; null: none did.")
    status: str = Field(description="`ok`, `error`, `cancelled` or `unknown`.")
    stop: str | None = Field(description="Why the answer ends.")
    error: dict[str, Any] | None = Field(description="`code` and `message` of what went wrong.")
    input_tokens: int = Field(description="Tokens of the prompt.")
    output_tokens: int = Field(description="Tokens of the answer, reasoning included.")
    cached_tokens: int = Field(description="Tokens of the prompt that the provider had cached.")
    reasoning_tokens: int = Field(description="Tokens of the answer that were reasoning.")
    estimated: bool = Field(
        description="Whether the usage is an estimate, because the provider did not report it."
    )
    cost: float | None = Field(description="USD; null where no price is known.")
    price_source: str | None = Field(description="Where the price is from.")
    latency: float | None = Field(description="Seconds from the first attempt to the end.")
    first_token: float | None = Field(description="Seconds to the first token.")
    attempts: int = Field(description="How often it was sent.")
    simulated: bool = Field(description="Whether the answer is simulated.")
    tags: list[str] = Field(description="The tags of the request.")
    trace: list[str] = Field(description="What was decided, one line each.")
    created_at: str = Field(description="When it began.")


class CallPage(BaseModel):
    """Calls, newest first, and the cursor of the next page (null on the last)."""

    calls: list[CallView] = Field(description="Newest first.")
    next: Next


class Stats(BaseModel):
    """Counts over everything stored; simulated calls are not in them. `total_cost` is USD."""

    sessions: dict[str, int] = Field(description="Sessions by status.")
    calls: int = Field(description="Model calls.")
    succeeded: int = Field(description="Those that ended with an answer.")
    failed: int = Field(description="Those that did not.")
    input_tokens: int = Field(description="Tokens of prompts.")
    output_tokens: int = Field(description="Tokens of answers.")
    total_cost: float = Field(description="USD.")
    mean_latency: float | None = Field(description="Seconds; null without calls.")


async def list_calls(ctx: Context, given: CallQuery) -> CallPage:
    """The caller's model calls, newest first."""
    where = CallFilter(
        tenant=ctx.principal.tenant,
        run_id=given.session_id,
        provider=given.provider,
        model=given.model,
        status=given.status,
        role=given.role,
        key_id=given.key_id,
        tag=given.tag,
        since=micros("since", given.since),
        until=micros("until", given.until),
    )
    await ctx.get(Journal).flush()  # what ended a moment ago belongs to the list
    page = await ctx.get(Records).page(where, limit=given.limit, cursor=given.cursor)
    return CallPage(calls=[call_view(call) for call in page.items], next=page.next)


async def stats(ctx: Context, _: Empty) -> Stats:
    """Counts of sessions, calls, tokens and cost."""
    tenant = ctx.principal.tenant
    await ctx.get(Journal).flush()
    totals = await ctx.get(CallStats).totals(CallFilter(tenant=tenant, simulated=False))
    return Stats(
        sessions=await ctx.get(RunList).counts(tenant),
        calls=totals.calls,
        succeeded=totals.ok,
        failed=totals.failed,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        total_cost=money.to_usd(totals.cost),
        mean_latency=None if totals.mean_latency_ms is None else round(totals.mean_latency_ms / 1000, 4),
    )


def call_view(call: CallRecord) -> CallView:
    """A record as callers see it."""
    error = None if call.error_code is None else {"code": call.error_code, "message": call.error_message}
    return CallView(
        id=call.id,
        session_id=call.run_id,
        provider=call.provider,
        model=call.model,
        role=call.role,
        surface=call.surface,
        key_id=call.key_id,
        status=call.status,
        stop=call.stop,
        error=error,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cached_tokens=call.cached_tokens,
        reasoning_tokens=call.reasoning_tokens,
        estimated=call.estimated,
        cost=None if call.cost is None else money.to_usd(call.cost),
        price_source=call.price_source,
        latency=None if call.latency_ms is None else call.latency_ms / 1000,
        first_token=None if call.first_token_ms is None else call.first_token_ms / 1000,
        attempts=call.attempts,
        simulated=call.simulated,
        tags=list(call.tags),
        trace=list(call.trace),
        created_at=stamp(call.created_at / MICROSECONDS),
    )


OPERATIONS = [
    Operation("calls.list", "The model calls, newest first.", list_calls, CallQuery, CallPage,
              http=Http("GET", "/api/calls")),
    Operation("stats", "Counts of sessions, calls, tokens and cost.", stats, Empty, Stats,
              http=Http("GET", "/api/stats")),
]  # fmt: skip
