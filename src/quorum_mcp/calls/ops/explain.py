"""One call with all that was decided for it."""

from msgspec import structs
from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.calls.ops.records import CallView, call_view
from quorum_mcp.calls.stages import Request, StageName, last_left, stages
from quorum_mcp.errors import NotFound
from quorum_mcp.operations.card import Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.store.call_rows import AttemptRecord
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import Records


class CallId(BaseModel):
    """A call."""

    model_config = ConfigDict(extra="forbid")
    call_id: str = Field(description="The call's id.")


class AttemptView(BaseModel):
    """One request that left for a provider."""

    n: int = Field(description="Its number within the call, from 1.")
    provider: str = Field(description="Who was asked.")
    model: str = Field(description="The provider's own name of the model.")
    status: str = Field(description="`ok`, `error`, `cancelled` or `unknown`.")
    error: str | None = Field(description="The code of what went wrong.")
    began: float = Field(description="Seconds after the call began.")
    latency: float | None = Field(description="Seconds it took; null where its end is not known.")
    input_tokens: int = Field(description="Tokens of the prompt.")
    output_tokens: int = Field(description="Tokens of the answer.")
    estimated: bool = Field(description="Whether the usage is an estimate.")
    cost: float | None = Field(description="USD; null where no price is known.")


class StageView(BaseModel):
    """One decision on the call's way; times are seconds."""

    stage: StageName = Field(
        description="`candidates`, `cache`, `queue`, `limits`, `breaker`, `budget`, `provider`, `pause` (between attempts) or `other`."
    )
    began: float = Field(description="When it began, after the call did.")
    seconds: float = Field(description="How long it took.")
    decision: str = Field(description="What was decided.")


class CallDetails(CallView):
    """One call with its attempts and its stages."""

    tries: list[AttemptView] = Field(description="Each request that left, in their order.")
    stages: list[StageView] = Field(description="What each part of the pipeline decided, in their order.")


async def explain(ctx: Context, given: CallId) -> CallDetails:
    """One call with every decision that was made for it."""
    await ctx.get(Journal).flush()
    found = await ctx.get(Records).get(given.call_id, tenant=ctx.principal.tenant)
    if found is None:
        raise NotFound(f"there is no call {given.call_id}", hint="GET /api/calls lists them")
    call, attempts = found
    if len(attempts) == 1 and attempts[0].started_at == call.created_at:
        # It has no record of its own: the trace knows when it left.
        left = call.created_at + round(last_left(call.trace) * MICROSECONDS)
        attempts = [structs.replace(attempts[0], started_at=left)]
    tries = [_attempt(one, call.created_at) for one in attempts]
    passed = stages(
        call.trace, [Request(f"{one.provider}/{one.model}", one.began, one.latency) for one in tries]
    )
    return CallDetails(
        **call_view(call).model_dump(),
        tries=tries,
        stages=[StageView(**structs.asdict(one)) for one in passed],
    )


def _attempt(one: AttemptRecord, began: int) -> AttemptView:
    ended = one.finished_at
    return AttemptView(
        n=one.n,
        provider=one.provider,
        model=one.model,
        status=one.status,
        error=one.error_code,
        began=round(max(one.started_at - began, 0) / MICROSECONDS, 3),
        latency=None if ended is None else round(max(ended - one.started_at, 0) / MICROSECONDS, 3),
        input_tokens=one.input_tokens,
        output_tokens=one.output_tokens,
        estimated=one.estimated,
        cost=None if one.cost is None else money.to_usd(one.cost),
    )


OPERATIONS = [
    Operation("calls.get", "One call with its attempts and its trace.", explain, CallId, CallDetails,
              http=Http("GET", "/api/calls/{call_id}")),
]  # fmt: skip
