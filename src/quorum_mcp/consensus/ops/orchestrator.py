"""How the whole does, what a caller set for its own calls, and words that a session keeps."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.ops.answering import Asked, Asking, answer, question
from quorum_mcp.consensus.ops.answering import FetchAnswer as Answer
from quorum_mcp.consensus.ops.ask import ASK
from quorum_mcp.consensus.ops.tasks import SURFACES
from quorum_mcp.consensus.preferences import Preference, Quality, TaskStrategy
from quorum_mcp.consensus.query import MAX_QUERY
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.operations.card import Effect, Empty, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import CallFilter
from quorum_mcp.store.run_list import RunList


class Configured(BaseModel):
    """What holds for this caller's tools. It is kept by this server process, for as long as it runs."""

    strategy: TaskStrategy = Field(description="What orchestrate_task does unless told.")
    cost_limit: float | None = Field(description="USD a call; null: the operator's.")
    quality_mode: Quality = Field(description="How thoroughly it may be deliberated.")


class Status(BaseModel):
    """How the whole does."""

    providers: dict[str, str] = Field(description="`ready`, or what a provider lacks.")
    models: int = Field(description="Models that are known.")
    panels: list[str] = Field(description="Panels by name.")
    strategies: list[str] = Field(description="What orchestrate_task can do.")
    sessions: dict[str, int] = Field(description="The caller's own, by their status.")
    running_here: int = Field(description="Sessions that this server process works on.")
    max_cost_per_request: float = Field(description="USD.")
    configured: Configured = Field(description="What this caller set.")


async def get_orchestrator_status(ctx: Context, _: Empty) -> Status:
    """How the whole does."""
    settings, registry = ctx.get(Settings), ctx.get(Registry)
    described = registry.describe()
    return Status(
        providers={one.name: one.missing or "ready" for one in described},
        models=sum(len(one.models) for one in described),
        panels=list(settings.panels),
        strategies=list(TaskStrategy.__args__),
        sessions=await ctx.get(RunList).counts(ctx.principal.tenant),
        running_here=len(ctx.get(Runs).running),
        max_cost_per_request=settings.max_cost_per_request,
        configured=_configured(ctx.get(Consensus).preferences.of(ctx.principal)),
    )


class Configure(BaseModel):
    """What to change; absent values stay."""

    model_config = ConfigDict(extra="forbid")
    strategy: TaskStrategy | None = Field(None, description="What orchestrate_task does unless told.")
    cost_limit: float | None = Field(None, gt=0, description="USD a call. It can only be lowered.")
    quality_mode: Quality | None = Field(
        None, description="fast: models only vote; balanced: they may also criticise; max: all. Only lowered."
    )


async def configure_orchestrator(ctx: Context, given: Configure) -> Configured:
    """Set the caller's strategy, or lower its limits."""
    found = ctx.get(Consensus).preferences.set(
        ctx.principal, strategy=given.strategy, cost_limit=given.cost_limit, quality=given.quality_mode,
        most=ctx.get(Settings).max_cost_per_request,
    )  # fmt: skip
    return _configured(found)


def _configured(own: Preference) -> Configured:
    return Configured(strategy=own.strategy, cost_limit=own.cost_limit, quality_mode=own.quality)


class Words(BaseModel):
    """Words for a session to keep."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(description="The session.")
    context: str = Field(min_length=1, max_length=MAX_QUERY, description="What its later turns should know.")


class Kept(BaseModel):
    """The session that keeps them."""

    session_id: str = Field(description="The session.")
    turn: int = Field(description="The turn in which they stand.")


async def update_session_context(ctx: Context, given: Words) -> Kept:
    """Add words to a session. They are a turn that asks nobody; all later turns read them."""
    asking = Asking(session_id=given.session_id, exclude_providers=[])
    asked = Asked(query=question(asking, ctx, given.context), strategy="context")
    kept = await answer(ctx, asked, Answer)
    run = await ctx.get(Runs).get(kept.session_id, ctx.principal.tenant)
    return Kept(session_id=run.id, turn=run.turn)


Period = Literal["1m", "5m", "1h", "1d"]
SECONDS: dict[Period, int] = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86_400}


class Since(BaseModel):
    """How far back."""

    model_config = ConfigDict(extra="forbid")
    period: Period = Field("1h", description="Calls that began within it.")


class Metrics(BaseModel):
    """The caller's calls of a period; simulated ones are left out."""

    period: Period = Field(description="How far back.")
    calls: int = Field(description="Model calls.")
    succeeded: int = Field(description="Those with an answer.")
    failed: int = Field(description="Those without.")
    success_rate: float | None = Field(description="0 to 1; null without calls.")
    input_tokens: int = Field(description="Tokens of prompts.")
    output_tokens: int = Field(description="Tokens of answers.")
    cost: float = Field(description="USD, what is known of it.")
    mean_latency: float | None = Field(description="Seconds; null without calls.")
    calls_per_minute: float = Field(description="Over the whole period.")


async def get_metrics(ctx: Context, given: Since) -> Metrics:
    """Figures of the latest calls."""
    await ctx.get(Journal).flush()
    seconds = SECONDS[given.period]
    where = CallFilter(tenant=ctx.principal.tenant, simulated=False, since=now_us() - seconds * MICROSECONDS)
    found = await ctx.get(CallStats).totals(where)
    ended = found.ok + found.failed
    return Metrics(
        period=given.period,
        calls=found.calls,
        succeeded=found.ok,
        failed=found.failed,
        success_rate=round(found.ok / ended, 4) if ended else None,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        cost=money.to_usd(found.cost),
        mean_latency=None if found.mean_latency_ms is None else round(found.mean_latency_ms / 1000, 4),
        calls_per_minute=round(found.calls * 60 / seconds, 4),
    )


OPERATIONS = [
    Operation(
        "get_orchestrator_status", "Providers, strategies, limits and running sessions.",
        get_orchestrator_status, Empty, Status, surfaces=SURFACES, tool="get_orchestrator_status",
        title="Show the state",
    ),
    Operation(
        "configure_orchestrator", "Set your strategy, or lower your limits; they cannot be raised again here.",
        configure_orchestrator, Configure, Configured, Effect.WRITE, ASK, surfaces=SURFACES,
        tool="configure_orchestrator", title="Configure",
    ),
    Operation(
        "update_session_context", "Add words to a session that its later turns read; no model is asked.",
        update_session_context, Words, Kept, Effect.WRITE, ASK, surfaces=SURFACES, tool="update_session_context",
        title="Add to a session",
    ),
    Operation(
        "get_metrics", "Calls, success, latency and cost of the last minutes or day.",
        get_metrics, Since, Metrics, surfaces=SURFACES, tool="get_metrics", title="Show figures",
    ),
]  # fmt: skip
