"""The panel as MCP tools: put a question in, fetch the answer when it is there."""

import asyncio
from contextlib import aclosing

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.consensus.ops.ask import ASK, ended_without, query
from quorum_mcp.consensus.plan import Mode
from quorum_mcp.consensus.query import MAX_CONTEXT, Dissent, Query, Question
from quorum_mcp.consensus.session import answer_of
from quorum_mcp.events import Event
from quorum_mcp.operations.card import Effect, Operation
from quorum_mcp.operations.context import Context, Progress
from quorum_mcp.runs.service import Runs
from quorum_mcp.runs.supervisor import Supervisor
from quorum_mcp.store.run_rows import Run


class Put(BaseModel):
    """A question to put to a panel without waiting."""

    model_config = ConfigDict(extra="forbid")
    query: Question = Field(description="The question, 1 to 50,000 characters.")
    context: str | None = Field(None, max_length=MAX_CONTEXT, description="Background for the question.")
    mode: Mode = Field(
        "quick_consensus",
        description="quick_consensus stops as soon as answers agree; full_deliberation lets the models "
        "criticise each other where they differ; devils_advocate attacks the answer that emerges.",
    )
    providers: list[str] | None = Field(
        None, min_length=1, description="Providers or provider/model names; absent: the default panel."
    )
    file_paths: list[str] = Field(
        [], description="Text files of the server's machine, below its allowed folders."
    )
    session_id: str | None = Field(None, description="Continue this session: its earlier turns go along.")
    exclude_providers: list[str] = Field(
        [], description="Providers to leave out, such as the caller's own vendor."
    )


class PutAnswer(BaseModel):
    """The session in which the question is deliberated."""

    session_id: str = Field(description="Pass it to q_out.")
    status: str = Field(description="Where it stands.")


async def q_in(ctx: Context, given: Put) -> PutAnswer:
    """Put a question to several models; q_out returns their answer."""
    asked = Query.model_validate(given.model_dump(exclude_none=True) | {"wait": False})
    answer = await query(ctx, asked)
    return PutAnswer(session_id=answer.session_id, status=answer.status)


class Fetch(BaseModel):
    """Which session, and how long to wait for it."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(description="What q_in returned.")
    wait_seconds: float = Field(
        30, ge=0, le=300, description="How long to wait for the answer; keep it below your own time-out."
    )


class FetchAnswer(BaseModel):
    """The panel's answer, or how far it has got. `confidence` is the share of models behind it, 0 to 1."""

    session_id: str = Field(description="The session's id.")
    status: str = Field(description="While queued or running, call q_out again.")
    answer: str | None = Field(None, description="The panel's answer.")
    conclusion: str | None = Field(None, description="The short answer that won; null for an open question.")
    confidence: float | None = Field(None, description="0 to 1; null where it could not be measured.")
    agreement: str | None = Field(None, description="`agree`, `disagree` or `cannot_tell`.")
    dissent: list[Dissent] = Field([], description="What models that do not stand behind the answer said.")
    cost: float = Field(0.0, description="USD")
    degraded: bool = Field(False, description="Whether a part did not work as planned.")
    simulated: bool = Field(False, description="Whether a simulated model took part.")
    warnings: list[str] = Field([], description="What the caller should know.")
    progress: list[str] = Field([], description="Before the answer: what each model said so far.")


async def q_out(ctx: Context, given: Fetch) -> FetchAnswer:
    """The answer to a question that q_in put, or its progress. Giving up the wait leaves the run alone."""
    runs, tenant = ctx.get(Runs), ctx.principal.tenant
    run = await runs.get(given.session_id, tenant)
    if run.status in ("queued", "running") and run.id not in runs.running:
        ctx.get(Supervisor).take_over()  # its process may be dead, and now somebody waits for it
    if ctx.progress is None:
        run = await runs.wait(run.id, tenant, given.wait_seconds)
    else:
        run = await _watch(runs, run, given.wait_seconds, ctx.progress)
    if run.status in ("failed", "cancelled"):
        raise ended_without(run)
    answer = answer_of(run)
    return FetchAnswer(
        session_id=run.id,
        status=run.status,
        answer=answer.consensus,
        conclusion=answer.conclusion,
        confidence=answer.confidence,
        agreement=answer.agreement,
        dissent=answer.dissent,
        cost=answer.total_cost,
        degraded=answer.degraded,
        simulated=answer.simulated,
        warnings=answer.warnings,
        progress=[] if run.status == "completed" else await _so_far(runs, run),
    )


async def _watch(runs: Runs, run: Run, seconds: float, progress: Progress) -> Run:
    """Tell of this turn's events until it ends or `seconds` are over; the run as it stands then."""
    try:
        async with asyncio.timeout(seconds), aclosing(runs.follow(run.id, run.tenant)) as events:
            async for event in events:
                if event.data.get("turn") == run.turn:
                    await progress(event)
    except TimeoutError:
        pass
    return await runs.wait(run.id, run.tenant, 0)


async def _so_far(runs: Runs, run: Run) -> list[str]:
    ended = await runs.events.read(run.id, types=("call.finished", "call.failed"))
    return [_line(event) for event in ended if event.data.get("turn") == run.turn]


def _line(event: Event) -> str:
    member, data = event.data["member"], event.data
    if event.type == "call.failed":
        return f"{member} failed: {data['error']['message']}"
    conclusion = data.get("conclusion")
    return f"{member} answered" + (f": {conclusion['text']}" if conclusion else "")


OPERATIONS = [
    Operation(
        "q_in",
        "Ask several AI models one question; they answer independently and deliberate. Returns a session_id at "
        "once: call q_out with it.",
        q_in, Put, PutAnswer, Effect.SPEND, ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_in",
        title="Ask a panel of models", open_world=True,
    ),
    Operation(
        "q_out",
        "The panel's answer to a question of q_in, with confidence, agreement and dissent; or, while it is still "
        "deliberating, how far it has got.",
        q_out, Fetch, FetchAnswer, scopes=ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_out",
        title="Get the panel's answer",
    ),
]  # fmt: skip
