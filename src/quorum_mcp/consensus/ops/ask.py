"""What callers can ask of panels."""

import asyncio
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from quorum_mcp import codec, money
from quorum_mcp.consensus.agreement import compare
from quorum_mcp.consensus.plan import AnswerFormat, Mode
from quorum_mcp.consensus.planning import round_cost
from quorum_mcp.consensus.query import Query, QueryAnswer
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.consensus.session import answer_of
from quorum_mcp.errors import Cancelled, NoConsensus, QuorumError, revive
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.store.run_rows import Run

ASK = frozenset({"ask"})


async def query(ctx: Context, given: Query) -> QueryAnswer:
    """Ask a panel and wait for the answer, or return its session at once with `wait: false`."""
    consensus = ctx.get(Consensus)
    started = await consensus.start(given, ctx.principal)
    tenant = ctx.principal.tenant
    if not given.wait or given.stream:
        return answer_of(await consensus.runs.get(started.run_id, tenant))
    try:
        if ctx.progress is not None:
            async for event in consensus.runs.follow(started.run_id, tenant):
                await ctx.progress(event)
        run = await consensus.runs.wait(started.run_id, tenant)
    except asyncio.CancelledError:
        if started.created:  # the caller hung up: nobody waits for what it would still cost
            await asyncio.shield(consensus.runs.cancel(started.run_id, tenant))
        raise
    return finished(run, require=given.require_consensus)


def finished(run: Run, *, require: bool = False) -> QueryAnswer:
    """The answer of a run that has ended; raises what it failed with."""
    answer = answer_of(run)
    if run.status != "completed":
        raise ended_without(run)
    if require and answer.agreement != "agree":
        raise NoConsensus(
            f"the panel does not agree ({answer.agreement})",
            hint="read the answers in the session, or ask without require_consensus",
            details={"session_id": run.id, "answer": answer.model_dump(mode="json")},
        )
    return answer


def ended_without(run: Run) -> QuorumError:
    """The error of a run that ended without an answer."""
    stored: dict[str, Any] = codec.decode(run.output) if run.output else {}
    error = revive(stored["error"]) if "error" in stored else Cancelled(f"the run is {run.status}")
    error.details["session_id"] = run.id
    return error


class Estimate(BaseModel):
    """What a query would be admitted with: USD at the most, None where a price is unknown."""

    seats: list[str]
    mode: Mode
    rounds: int
    calls_at_most: int
    worst_case_usd: float | None
    per_seat_usd: dict[str, float | None]
    warnings: list[str]


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
    except QuorumError as error:
        warnings.append(error.message)
        costs = None
    return Estimate(
        seats=[seat.member for seat in plan.seats],
        mode=plan.mode,
        rounds=rounds,
        calls_at_most=len(plan.seats) * rounds + 2,
        worst_case_usd=None if costs is None else money.to_usd(sum(costs.values()) * rounds),
        per_seat_usd={s.member: None if costs is None else money.to_usd(costs[s.member]) for s in plan.seats},
        warnings=warnings,
    )


class Pair(BaseModel):
    """Two answers to one question."""

    model_config = ConfigDict(extra="forbid")
    a: Annotated[str, StringConstraints(max_length=1_000_000)]
    b: Annotated[str, StringConstraints(max_length=1_000_000)]
    question: str | None = None
    answer_format: AnswerFormat = "auto"


class Agreement(BaseModel):
    """Whether they agree; `score` (0..1) is higher the likelier they do; the conclusions as found."""

    agreement: str
    score: float
    a: str | None
    b: str | None


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
