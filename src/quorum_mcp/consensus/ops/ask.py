"""What callers can ask of panels."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quorum_mcp import codec, money
from quorum_mcp.consensus.agreement import compare
from quorum_mcp.consensus.expected import expected_usd
from quorum_mcp.consensus.plan import AnswerFormat, Mode
from quorum_mcp.consensus.planning import round_cost
from quorum_mcp.consensus.query import Query, QueryAnswer
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.consensus.session import answer_of
from quorum_mcp.errors import Cancelled, NoConsensus, QuorumError, revive
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures
from quorum_mcp.store.run_rows import Run, Started

ASK = frozenset({"ask"})


async def query(ctx: Context, given: Query) -> QueryAnswer:
    """Ask a panel and wait for the answer, or return its session at once with `wait: false`."""
    starting = ctx.get(Consensus).start(given, ctx.principal)
    answer = await carried_out(ctx, starting, waits=given.wait and not given.stream)
    return _demanding(answer, given) if answer.status == "completed" else answer


async def carried_out(ctx: Context, start: Coroutine[Any, Any, Started], *, waits: bool) -> QueryAnswer:
    """The answer of the turn that `start` begins, or its session at once; a caller that hangs up cancels it."""
    runs, tenant = ctx.get(Runs), ctx.principal.tenant
    starting = asyncio.ensure_future(start)
    try:
        started = await asyncio.shield(starting)
        if not started.created and started.turn < (run := await runs.get(started.run_id, tenant)).turn:
            return await _earlier_turn(runs, run, started.turn)
        if not waits:
            return answer_of(await runs.get(started.run_id, tenant))
        if ctx.progress is not None:
            after = await runs.before_turn(started.run_id, started.turn)
            async for event in runs.follow(started.run_id, tenant, after):
                await ctx.progress(event)
        return finished(await runs.wait(started.run_id, tenant))
    except asyncio.CancelledError:
        await asyncio.shield(abandon(runs, starting, tenant, waits=waits))
        raise


async def abandon(runs: Runs, starting: asyncio.Future[Started], tenant: str, *, waits: bool) -> None:
    """The caller of a run that may only just begin hung up: nobody waits for what its run would still cost. A repeated request's run goes on."""
    with suppress(QuorumError):  # nothing was begun, and nobody is there to be told
        started = await starting
        if waits and started.created:
            await runs.cancel(started.run_id, tenant)


async def _earlier_turn(runs: Runs, run: Run, turn: int) -> QueryAnswer:
    """The answer of a turn that is over; raises what it failed with."""
    for event in await runs.events.read(run.id, types=("run.finished", "run.failed", "run.cancelled")):
        if event.data.get("turn") == turn:
            if "result" in event.data:
                return QueryAnswer.model_validate(event.data["result"])
            raise revive(event.data["error"])
    raise Cancelled("this turn of the session has no answer", details={"session_id": run.id})


def _demanding(answer: QueryAnswer, given: Query) -> QueryAnswer:
    """The answer; raises where an agreement was required and there is none."""
    if given.require_consensus and answer.agreement != "agree":
        raise NoConsensus(
            f"the panel does not agree ({answer.agreement})",
            hint="read the answers in the session, or ask without require_consensus",
            details={"session_id": answer.session_id, "answer": answer.model_dump(mode="json")},
        )
    return answer


def finished(run: Run) -> QueryAnswer:
    """The answer of a run that has ended; raises what it failed with."""
    if run.status != "completed":
        raise ended_without(run)
    return answer_of(run)


def ended_without(run: Run) -> QuorumError:
    """The error of a run that ended without an answer."""
    stored: dict[str, Any] = codec.decode(run.output) if run.output else {}
    error = revive(stored["error"]) if "error" in stored else Cancelled(f"the run is {run.status}")
    error.details["session_id"] = run.id
    return error


class Estimate(BaseModel):
    """What a query would be admitted with: USD at the most, None where a price is unknown."""

    seats: list[str] = Field(description="Who would be asked.")
    mode: Mode = Field(description="How they would deliberate.")
    rounds: int = Field(description="Rounds at most.")
    calls_at_most: int = Field(description="Calls at most, one judge and one writer included.")
    worst_case_usd: float | None = Field(
        description="USD if every seat wrote as much as it may in every round; null where a price is unknown."
    )
    expected_usd: float | None = Field(
        description="USD as the models have answered so far; rounds that an agreement ends early cost less. Null where a price is unknown."
    )
    per_seat_usd: dict[str, float | None] = Field(description="USD of one round, by member.")
    warnings: list[str] = Field(description="What the caller should know.")


async def estimate(ctx: Context, given: Query) -> Estimate:
    """What a query may cost at the most, before it is asked."""
    consensus = ctx.get(Consensus)
    plan = await consensus.plan(given.model_copy(update={"max_cost": None}), ctx.principal)
    rounds = {"quick_consensus": 1, "full_deliberation": 1 + plan.critique_rounds, "devils_advocate": 3}[
        plan.mode
    ]
    warnings = list(plan.warnings)
    try:
        costs = round_cost(plan, consensus.registry)
        figures = Figures(ctx.get(Database))
        expected = await expected_usd(plan, consensus.registry, figures, ctx.principal.tenant, rounds)
    except QuorumError as error:
        warnings.append(error.message)
        costs = expected = None
    return Estimate(
        seats=[seat.member for seat in plan.seats],
        mode=plan.mode,
        rounds=rounds,
        calls_at_most=len(plan.seats) * rounds + 2,
        worst_case_usd=None if costs is None else money.to_usd(sum(costs.values()) * rounds),
        expected_usd=expected,
        per_seat_usd={s.member: None if costs is None else money.to_usd(costs[s.member]) for s in plan.seats},
        warnings=warnings,
    )


class Pair(BaseModel):
    """Two answers to one question."""

    model_config = ConfigDict(extra="forbid")
    a: Annotated[str, StringConstraints(max_length=1_000_000)] = Field(description="One answer.")
    b: Annotated[str, StringConstraints(max_length=1_000_000)] = Field(description="The other.")
    question: str | None = Field(None, description="What they answer, where known.")
    answer_format: AnswerFormat = Field(
        "auto", description="What kind of short answer they give; `auto` finds any."
    )


class Agreement(BaseModel):
    """Whether they agree; `score` (0..1) is higher the likelier they do; the conclusions as found."""

    agreement: str = Field(description="`agree`, `disagree` or `cannot_tell`.")
    score: float = Field(description="0 to 1, the higher the likelier they agree.")
    a: str | None = Field(description="The short answer found in `a`.")
    b: str | None = Field(description="The short answer found in `b`.")


async def agreement(_: Context, given: Pair) -> Agreement:
    """Compare two answers."""
    found = compare(given.a, given.b, question=given.question, answer_format=given.answer_format)
    return Agreement(
        agreement=found.agreement,
        score=round(found.score, 4),
        a=found.a.text if found.a else None,
        b=found.b.text if found.b else None,
    )


OPERATIONS = [
    Operation(
        "query", "Ask a panel of models and get one answer.", query, Query, QueryAnswer, Effect.SPEND, ASK,
        http=Http("POST", "/api/query"), surfaces=frozenset({"rest", "websocket", "cli", "sdk"}), open_world=True,
    ),
    Operation(
        "cost.estimate", "What a query may cost at the most.", estimate, Query, Estimate, scopes=ASK,
        http=Http("POST", "/api/estimate-cost"),
    ),
    Operation(
        "agreement", "Whether two answers say the same.", agreement, Pair, Agreement, scopes=ASK,
        http=Http("POST", "/api/agreement"),
    ),
]  # fmt: skip
