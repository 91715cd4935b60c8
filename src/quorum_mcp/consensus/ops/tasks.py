"""Tasks for models: carried out by a strategy, thought through, or given to one model; and judged beforehand."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.calls.tokens import count
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.ops.answering import (
    LONG,
    Asked,
    Asking,
    FetchAnswer,
    answer,
    bounded,
    most,
    question,
)
from quorum_mcp.consensus.ops.ask import ASK
from quorum_mcp.consensus.plan import Strategy
from quorum_mcp.consensus.preferences import TaskStrategy
from quorum_mcp.consensus.query import MAX_CONTEXT, Question
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.errors import BudgetExceeded
from quorum_mcp.operations.card import Effect, Operation, Surface
from quorum_mcp.operations.context import Context

SURFACES = frozenset[Surface]({"mcp", "cli"})


class Preferences(BaseModel):
    """Wishes for one task."""

    model_config = ConfigDict(extra="forbid")
    models: list[str] | None = Field(None, min_length=1, description="provider/model names.")
    max_cost: float | None = Field(None, gt=0, description="USD.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Of each answer.")
    temperature: float | None = Field(None, ge=0, le=2, description="Absent: the model's own.")


class Task(Asking):
    """A task with its code."""

    description: Question = Field(description="The task.")
    code_context: str | None = Field(None, max_length=MAX_CONTEXT, description="Code it is about.")
    file_paths: list[str] = Field([], max_length=50, description="Files below the server's allowed folders.")


class Orchestrate(Task):
    """A task, and how to go about it."""

    strategy: TaskStrategy | None = Field(
        None,
        description="external_enhancement: one drafts, others improve; max_quality_council: the panel deliberates; "
        "progressive_deep_dive: stage after stage goes deeper.",
    )
    preferences: Preferences = Field(
        default_factory=lambda: Preferences.model_validate({}), description="Whom to ask, and bounds."
    )


def _orchestrated(ctx: Context, given: Orchestrate) -> Asked:
    strategy = given.strategy or ctx.get(Consensus).preferences.of(ctx.principal).strategy
    configured = ctx.get(Settings).strategies.get(strategy)
    wishes = given.preferences.model_dump(exclude_none=True, exclude={"models"})
    panel = given.preferences.models or (list(configured.models) if configured else None) or None
    council = strategy == "max_quality_council"
    query = question(
        given, ctx, given.description, context=given.code_context, file_paths=given.file_paths, panel=panel,
        mode="full_deliberation" if council else "quick_consensus", timeout_seconds=LONG,
        exhaustive=council or None, require_consensus=council and bool(configured and configured.require_consensus),
        **wishes,
    )  # fmt: skip
    return Asked(query=query, strategy=None if strategy == "max_quality_council" else strategy)


async def orchestrate_task(ctx: Context, given: Orchestrate) -> FetchAnswer:
    """Carry out a task by a strategy."""
    return await answer(ctx, _orchestrated(ctx, given), FetchAnswer)


class Analysis(BaseModel):
    """What a task asks for, found without asking any model."""

    complexity: Literal["simple", "moderate", "complex"] = Field(description="How complex it looks.")
    reasons: list[str] = Field(description="Why.")
    tokens: int = Field(description="Of the description and the code, estimated.")
    strategy: TaskStrategy = Field(description="What fits.")
    models: list[str] = Field(description="Who would be asked.")
    worst_case_usd: float | None = Field(description="Null where a price is unknown.")


SIMPLE_TOKENS, COMPLEX_TOKENS = 300, 4_000
HARD = (
    "architecture", "concurren", "consisten", "design", "distributed", "migrat", "optimi", "prove", "race",
    "refactor", "scal", "secur", "trade-off", "tradeoff",
)  # fmt: skip
"""Beginnings of words that tasks hold which one answer rarely settles."""


async def analyze_task(ctx: Context, given: Task) -> Analysis:
    """Judge a task by its length and words, and say what it would cost at the most."""
    text = " ".join([given.description, given.code_context or ""])
    tokens, hard = count(text), [word for word in HARD if word in given.description.casefold()]
    reasons = [f"about {tokens} tokens of text"]
    reasons += [f"{len(given.file_paths)} files"] if given.file_paths else []
    reasons += [f"speaks of {', '.join(word + '…' for word in hard)}"] if hard else []
    score = (
        (tokens > SIMPLE_TOKENS) + (tokens > COMPLEX_TOKENS) + min(len(hard), 2) + (len(given.file_paths) > 3)
    )
    complexity: Literal["simple", "moderate", "complex"] = (
        "simple" if score == 0 else "moderate" if score < 3 else "complex"
    )
    strategy: dict[str, TaskStrategy] = {
        "simple": "external_enhancement",
        "moderate": "progressive_deep_dive",
        "complex": "max_quality_council",
    }
    asked = _orchestrated(ctx, Orchestrate(**given.model_dump(), strategy=strategy[complexity]))
    plan = await ctx.get(Consensus).plan(asked.query, ctx.principal)
    try:
        worst = money.to_usd(await most(ctx, asked))
    except BudgetExceeded:
        worst = None
    return Analysis(
        complexity=complexity, reasons=reasons, tokens=tokens, strategy=strategy[complexity],
        models=[seat.member for seat in plan.seats], worst_case_usd=worst,
    )  # fmt: skip


class Parameters(BaseModel):
    """How one model answers."""

    model_config = ConfigDict(extra="forbid")
    temperature: float | None = Field(None, ge=0, le=2, description="Absent: the model's own.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Of the answer.")


class OneModel(Asking):
    """A question to one model."""

    model: str = Field(min_length=1, description="provider/model or an alias; list_models lists them.")
    description: Question = Field(description="The question or task.")
    code_context: str | None = Field(None, max_length=MAX_CONTEXT, description="Code it is about.")
    parameters: Parameters = Field(
        default_factory=lambda: Parameters.model_validate({}), description="How it answers."
    )


def _to_one(ctx: Context, given: OneModel) -> Asked:
    wishes = given.parameters.model_dump(exclude_none=True)
    query = question(
        given,
        ctx,
        given.description,
        context=given.code_context,
        panel=[given.model],
        timeout_seconds=LONG,
        **wishes,
    )
    return Asked(query=query, strategy="solo")


async def query_specific_model(ctx: Context, given: OneModel) -> FetchAnswer:
    """Ask one model."""
    return await answer(ctx, _to_one(ctx, given), FetchAnswer)


Thinking = Literal["minimal", "low", "medium", "high", "max"]
HOW: dict[Thinking, dict[str, Any]] = {
    "minimal": {"strategy": "solo"},
    "low": {"mode": "quick_consensus"},
    "medium": {"strategy": "progressive_deep_dive"},
    "high": {"mode": "full_deliberation"},
    "max": {"mode": "devils_advocate", "exhaustive": True},
}


class Problem(Asking):
    """A problem to think through."""

    problem: Question = Field(description="The problem.")
    context: str | None = Field(None, max_length=MAX_CONTEXT, description="What is known already.")
    thinking_mode: Thinking = Field(
        "medium",
        description="minimal: one model; low: models vote; medium: three stages, each deeper; high: models "
        "criticise each other; max: the answer is attacked and defended.",
    )


def _thought(ctx: Context, given: Problem) -> Asked:
    how = dict(HOW[given.thinking_mode])
    strategy: Strategy | None = how.pop("strategy", None)
    query = question(given, ctx, given.problem, context=given.context, timeout_seconds=LONG, **how)
    return Asked(query=query, strategy=strategy)


async def think_deeper(ctx: Context, given: Problem) -> FetchAnswer:
    """Think a problem through."""
    return await answer(ctx, _thought(ctx, given), FetchAnswer)


OPERATIONS = [
    Operation(
        "orchestrate_task", "Let several models work on a task, by the strategy that fits it.",
        orchestrate_task, Orchestrate, FetchAnswer, Effect.SPEND, ASK, surfaces=SURFACES, tool="orchestrate_task",
        title="Carry out a task", open_world=True, worst_case=bounded(_orchestrated),
    ),
    Operation(
        "analyze_task", "Judge a task without asking any model: how complex, which strategy fits, what it may cost.",
        analyze_task, Task, Analysis, scopes=ASK, surfaces=SURFACES, tool="analyze_task", title="Judge a task",
    ),
    Operation(
        "query_specific_model", "Ask one model.",
        query_specific_model, OneModel, FetchAnswer, Effect.SPEND, ASK, surfaces=SURFACES,
        tool="query_specific_model", title="Ask one model", open_world=True, worst_case=bounded(_to_one),
    ),
    Operation(
        "think_deeper", "Think a problem through, as thoroughly as asked.",
        think_deeper, Problem, FetchAnswer, Effect.SPEND, ASK, surfaces=SURFACES, tool="think_deeper",
        title="Think deeper", open_world=True, worst_case=bounded(_thought),
    ),
]  # fmt: skip
