"""The panel as MCP tools: put a question in, fetch the answer when it is there."""

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.consensus.ops.ask import ASK, ended_without, query
from quorum_mcp.consensus.plan import Mode
from quorum_mcp.consensus.query import Query, Question
from quorum_mcp.consensus.session import answer_of
from quorum_mcp.operations.card import Effect, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.runs.service import Runs


class Put(BaseModel):
    """A question to put to a panel without waiting."""

    model_config = ConfigDict(extra="forbid")
    query: Question = Field(description="The question, 1 to 50,000 characters.")
    context: str | None = Field(None, max_length=100_000, description="Background for the question.")
    mode: Mode = Field("quick_consensus", description="How the models deliberate.")
    providers: list[str] | None = Field(
        None, description="Providers or provider/model names; absent: the default panel."
    )
    session_id: str | None = Field(None, description="Continue this session.")
    exclude_providers: list[str] = Field(
        [], description="Providers to leave out, such as the caller's own vendor."
    )


class PutAnswer(BaseModel):
    """The session in which the question is deliberated."""

    session_id: str
    status: str


async def q_in(ctx: Context, given: Put) -> PutAnswer:
    """Put a question to several models; q_out returns their answer."""
    asked = Query.model_validate(given.model_dump(exclude_none=True) | {"wait": False})
    answer = await query(ctx, asked)
    return PutAnswer(session_id=answer.session_id, status=answer.status)


class Fetch(BaseModel):
    """Which session, and how long to wait for it."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(description="What q_in returned.")
    wait_seconds: float = Field(30, ge=0, le=300, description="How long to wait for the answer.")


class FetchAnswer(BaseModel):
    """The panel's answer, or how far it has got."""

    session_id: str
    status: str
    answer: str | None = None
    conclusion: str | None = None
    confidence: float | None = None
    agreement: str | None = None
    dissent: list[dict[str, str]] = []
    cost: float = 0.0
    degraded: bool = False
    simulated: bool = False
    warnings: list[str] = []
    progress: list[str] = []


async def q_out(ctx: Context, given: Fetch) -> FetchAnswer:
    """The answer to a question that q_in put, or its progress."""
    runs = ctx.get(Runs)
    run = await runs.wait(given.session_id, ctx.principal.tenant, given.wait_seconds)
    if run.status in ("failed", "cancelled"):
        raise ended_without(run)
    answer = answer_of(run)
    progress: list[str] = []
    if run.status != "completed":
        ended = await runs.events.read(run.id, types=("call.finished", "call.failed"))
        here = [event for event in ended if event.data.get("turn") == run.turn]
        progress = [f"{event.data['member']}: {event.type.removeprefix('call.')}" for event in here]
    return FetchAnswer(
        session_id=run.id,
        status=run.status,
        answer=answer.consensus,
        conclusion=answer.conclusion,
        confidence=answer.confidence,
        agreement=answer.agreement,
        dissent=[d.model_dump() for d in answer.dissent],
        cost=answer.total_cost,
        degraded=answer.degraded,
        simulated=answer.simulated,
        warnings=answer.warnings,
        progress=progress,
    )


OPERATIONS = [
    Operation(
        "q_in", "Put a question to several models that deliberate on it; returns a session at once.",
        q_in, Put, PutAnswer, Effect.SPEND, ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_in",
        title="Ask a panel", open_world=True,
    ),
    Operation(
        "q_out", "The answer to a question that q_in put, or how far it has got.", q_out, Fetch, FetchAnswer,
        scopes=ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_out", title="Get a panel's answer",
    ),
]  # fmt: skip
