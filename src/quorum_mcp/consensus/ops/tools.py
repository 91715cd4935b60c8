"""The panel as MCP tools: put a question in, fetch the answer when it is there."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import codec
from quorum_mcp.consensus.ops.answering import (
    Add,
    Asked,
    Asking,
    FetchAnswer,
    bounded,
    fetched,
    question,
    watched,
)
from quorum_mcp.consensus.ops.ask import ASK, query
from quorum_mcp.consensus.ops.comparing import ComparisonAnswer, MultiReviewAnswer, add_ranking, add_reviews
from quorum_mcp.consensus.ops.reviews import ReviewAnswer, add_findings
from quorum_mcp.consensus.plan import Mode
from quorum_mcp.consensus.query import MAX_CONTEXT, Question
from quorum_mcp.operations.card import Effect, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.runs.service import Runs
from quorum_mcp.runs.supervisor import Supervisor


class Put(Asking):
    """A question to put to a panel without waiting."""

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
    tools: list[Literal["web_search"]] = Field(
        [], description="web_search: each model searches with its provider's own search."
    )
    file_paths: list[str] = Field(
        [], description="Text files of the server's machine, below its allowed folders."
    )


class PutAnswer(BaseModel):
    """The session in which the question is deliberated."""

    session_id: str = Field(description="Pass it to q_out.")
    status: str = Field(description="Where it stands.")


async def q_in(ctx: Context, given: Put) -> PutAnswer:
    """Put a question to several models; q_out returns their answer."""
    answer = await query(ctx, _asked(ctx, given).query)
    return PutAnswer(session_id=answer.session_id, status=answer.status)


def _asked(ctx: Context, given: Put) -> Asked:
    more = given.model_dump(exclude_none=True, exclude={"query", "session_id", "exclude_providers"})
    return Asked(query=question(given, ctx, given.query, wait=False, **more))


class Fetch(BaseModel):
    """Which session, and how long to wait for it."""

    model_config = ConfigDict(extra="forbid")
    session_id: str = Field(description="What q_in returned.")
    wait_seconds: float = Field(
        30, ge=0, le=300, description="How long to wait for the answer; keep it below your own time-out."
    )


class Fetched(FetchAnswer):
    """The panel's answer, and what the tool that asked it makes of the answers."""

    result: dict[str, Any] | None = Field(
        None,
        description="What the tool that began it adds: findings, reviews or a ranking, as far as they are there.",
    )


ADDED: dict[str, tuple[type[FetchAnswer], Add[Any]]] = {
    "code_review": (ReviewAnswer, add_findings),
    "review_changes": (ReviewAnswer, add_findings),
    "multi_model_review": (MultiReviewAnswer, add_reviews),
    "comparative_analysis": (ComparisonAnswer, add_ranking),
}


async def q_out(ctx: Context, given: Fetch) -> Fetched:
    """The answer to a question that q_in put, or its progress. Giving up the wait leaves the run alone."""
    runs, tenant = ctx.get(Runs), ctx.principal.tenant
    run = await runs.get(given.session_id, tenant)
    if run.status in ("queued", "running") and run.id not in runs.running:
        ctx.get(Supervisor).take_over()  # its process may be dead, and now somebody waits for it
    run = await watched(runs, run, given.wait_seconds, ctx.progress)
    tool = (codec.decode(run.input).get("about") or {}).get("tool")
    if tool not in ADDED:
        return await fetched(runs, run, Fetched)
    found = (await fetched(runs, run, *ADDED[tool])).model_dump()
    more = found.keys() - FetchAnswer.model_fields.keys()
    return Fetched(**{name: found.pop(name) for name in found.keys() - more}, result=found)


OPERATIONS = [
    Operation(
        "q_in",
        "Ask several AI models one question; they answer independently and deliberate. Returns a session_id at "
        "once: call q_out with it.",
        q_in, Put, PutAnswer, Effect.SPEND, ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_in",
        title="Ask a panel of models", open_world=True, worst_case=bounded(_asked),
    ),
    Operation(
        "q_out",
        "The panel's answer to a question of q_in, with confidence, agreement and dissent; or, while it is still "
        "deliberating, how far it has got.",
        q_out, Fetch, Fetched, scopes=ASK, surfaces=frozenset({"mcp", "cli"}), tool="q_out",
        title="Get the panel's answer",
    ),
]  # fmt: skip
