"""What all tools that ask a panel share: whom to leave out, how long to wait, and what comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import codec, money
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.ops.ask import abandon, ended_without
from quorum_mcp.consensus.plan import Strategy
from quorum_mcp.consensus.planning import round_cost
from quorum_mcp.consensus.query import Dissent, Query, QueryAnswer, SourceView
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.consensus.session import answer_of
from quorum_mcp.errors import NoConsensus
from quorum_mcp.events import Event
from quorum_mcp.operations.context import Context, Progress
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.run_rows import Run

LONG = 300.0
"""Seconds for a whole strategy, and for reviews."""


class Asking(BaseModel):
    """What every tool takes that asks models."""

    model_config = ConfigDict(extra="forbid")
    session_id: str | None = Field(None, description="Continue this session.")
    exclude_providers: list[str] = Field([], description="Providers to leave out, such as your own vendor.")


class FetchAnswer(BaseModel):
    """The panel's answer, or how far it has got. `confidence` is the share of models behind it, 0 to 1."""

    session_id: str = Field(description="The session's id.")
    status: str = Field(description="While queued or running, call q_out again.")
    answer: str | None = Field(None, description="The panel's answer.")
    conclusion: str | None = Field(None, description="The short answer that won; null for an open question.")
    confidence: float | None = Field(None, description="0 to 1; null where it could not be measured.")
    agreement: str | None = Field(None, description="`agree`, `disagree` or `cannot_tell`.")
    dissent: list[Dissent] = Field([], description="What models that do not stand behind the answer said.")
    citations: list[SourceView] = Field([], description="Web pages that models behind the answer cite.")
    cost: float = Field(0.0, description="USD")
    degraded: bool = Field(False, description="Whether a part did not work as planned.")
    simulated: bool = Field(False, description="Whether a simulated model took part.")
    warnings: list[str] = Field([], description="What the caller should know.")
    progress: list[str] = Field([], description="Before the answer: what each model said so far.")


F = TypeVar("F", bound=FetchAnswer)
Add = Callable[[F, Mapping[str, str], Mapping[str, Any]], None]
"""Fills in what a tool returns besides the answer: of the members' texts, and of what it knew when it asked."""
I = TypeVar("I", bound=Asking)  # noqa: E741 - input


class Asked(Struct, frozen=True, kw_only=True):
    """What a tool makes of its input: the question, and how to go about it."""

    query: Query
    strategy: Strategy | None = None
    stages: int = 3
    about: dict[str, Any] | None = None
    """What the tool has to know to make its result of the answers; kept with the run, so that q_out can too."""


def question(given: Asking, ctx: Context, text: str, **more: Any) -> Query:
    """The query of a tool, within the caller's own limits; absent values stay unset."""
    settings, own = ctx.get(Settings), ctx.get(Consensus).preferences.of(ctx.principal)
    fields: dict[str, Any] = {
        "query": text,
        "session_id": given.session_id,
        "exclude_providers": [*given.exclude_providers, *settings.mcp.exclude_providers],
        **more,
    }
    fields["mode"] = own.mode(fields.get("mode") or "quick_consensus")
    fields["max_cost"] = own.cost(fields.get("max_cost"))
    kept = {name: value for name, value in fields.items() if value is not None or name == "synthesizer"}
    return Query.model_validate(kept)


async def answer(ctx: Context, asked: Asked, kind: type[F], add: Add[F] | None = None) -> F:
    """Ask, and wait for as long as `mcp.wait_seconds` says; what is not there by then, q_out has later.

    `add` makes what the tool returns besides. A caller that hangs up before cancels the run.
    """
    runs, tenant = ctx.get(Runs), ctx.principal.tenant
    consensus = ctx.get(Consensus)
    strategy = consensus.preferences.of(ctx.principal).strategy_of(asked.strategy)
    start = consensus.start(
        asked.query, ctx.principal, strategy=strategy, stages=asked.stages, about=asked.about
    )
    starting = asyncio.ensure_future(start)
    try:
        started = await asyncio.shield(starting)
        run = await runs.get(started.run_id, tenant)
        seconds = 0.0 if ctx.detached else ctx.get(Settings).mcp.wait_seconds
        run = await watched(runs, run, seconds, ctx.progress)
    except asyncio.CancelledError:
        await asyncio.shield(abandon(runs, starting, tenant, waits=True))
        raise
    found = await fetched(runs, run, kind, add)
    whole = answer_of(run)
    if asked.query.require_consensus and run.status == "completed" and whole.agreement != "agree":
        raise NoConsensus(
            f"the panel does not agree ({whole.agreement})",
            hint="read the answers in the session",
            details={"session_id": run.id, "answer": found.model_dump(mode="json")},
        )
    return found


async def fetched(runs: Runs, run: Run, kind: type[F], add: "Add[F] | None" = None) -> F:
    """The run's answer, or what there is of it, with what the tool adds. Raises what the run failed with."""
    if run.status in ("failed", "cancelled"):
        raise ended_without(run)
    found = answer_of(run)
    told = kind(
        session_id=run.id,
        status=run.status,
        answer=found.consensus,
        conclusion=found.conclusion,
        confidence=found.confidence,
        agreement=found.agreement,
        dissent=found.dissent,
        citations=found.citations,
        cost=found.total_cost,
        degraded=found.degraded,
        simulated=found.simulated,
        warnings=found.warnings,
        progress=[] if run.status == "completed" else await _so_far(runs, run),
    )
    if add is not None:
        add(told, await _texts(runs, run, found), codec.decode(run.input).get("about") or {})
    return told


async def watched(runs: Runs, run: Run, seconds: float, progress: Progress | None) -> Run:
    """The run when its turn has ended or `seconds` are over; `progress` is told of the turn's events."""
    if progress is None:
        return await runs.wait(run.id, run.tenant, seconds)
    try:
        async with asyncio.timeout(seconds), aclosing(runs.follow(run.id, run.tenant)) as events:
            async for event in events:
                if event.data.get("turn") == run.turn:
                    await progress(event)
    except TimeoutError:
        pass
    return await runs.wait(run.id, run.tenant, 0)


def bounded(prepare: Callable[[Context, I], Asked]) -> Callable[[Context, I], Awaitable[int]]:
    """What a tool's input may cost at the most: every seat in every round, and one judge and one writer."""

    async def worst_case(ctx: Context, given: I) -> int:
        asked = prepare(ctx, given)
        return await most(ctx, asked)

    return worst_case


async def most(ctx: Context, asked: Asked) -> int:
    """Nanodollars at most. Raises `BudgetExceeded` where a price is unknown."""
    consensus = ctx.get(Consensus)
    plan = await consensus.plan(asked.query.model_copy(update={"max_cost": None}), ctx.principal)
    costs = list(round_cost(plan, consensus.registry).values())
    dearest = max(costs, default=0)
    match consensus.preferences.of(ctx.principal).strategy_of(asked.strategy):
        case "context":
            return 0
        case "solo":
            sum_ = dearest
        case "progressive_deep_dive":
            sum_ = asked.stages * dearest
        case "external_enhancement":
            sum_ = sum(costs) + dearest
        case None:
            rounds = {"quick_consensus": 1, "full_deliberation": 1 + plan.critique_rounds}.get(plan.mode, 3)
            sum_ = sum(costs) * rounds + 2 * dearest
    bounds = [asked.query.max_cost, ctx.get(Settings).max_cost_per_request]
    return min([sum_, *(money.from_usd(bound) for bound in bounds if bound is not None)])


async def _texts(runs: Runs, run: Run, found: QueryAnswer) -> dict[str, str]:
    """The first answers by member; of a run that goes on, those that are there."""
    if run.status == "completed":
        return {
            one.member: one.content
            for one in found.provider_responses
            if one.role == "answer" and one.status == "ok"
        }
    ended = await runs.events.read(run.id, types=("call.finished",))
    return {
        event.data["member"]: event.data["text"]
        for event in ended
        if event.data.get("turn") == run.turn and event.data["role"] == "answer"
    }


async def _so_far(runs: Runs, run: Run) -> list[str]:
    ended = await runs.events.read(run.id, types=("call.finished", "call.failed"))
    return [_line(event) for event in ended if event.data.get("turn") == run.turn]


def _line(event: Event) -> str:
    member, data = event.data["member"], event.data
    if event.type == "call.failed":
        return f"{member} failed: {data['error']['message']}"
    conclusion = data.get("conclusion")
    return f"{member} answered" + (f": {conclusion['text']}" if conclusion else "")
