"""Learning from labelled answers: a file of them, or the scores that users give."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.consensus.labelled import Labelled, labelled
from quorum_mcp.consensus.ops.ask import ASK
from quorum_mcp.consensus.reading.conclusion import Conclusion
from quorum_mcp.consensus.service import Consensus
from quorum_mcp.errors import InvalidInput
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.runs.ops import SessionId
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.feedback import Feedback


class Calibrate(BaseModel):
    """Labelled answers to learn from."""

    model_config = ConfigDict(extra="forbid")
    rows: list[dict[str, Any]] = Field(
        min_length=1,
        description="Questions: `question`, `options`?, and `answers`, each with `model`, `text` and `correct`.",
    )
    provider: str | None = Field(None, description="The rows' model NAME is meant as PROVIDER/NAME.")
    name: str = Field(
        "default", min_length=1, max_length=100, description="Replaces what this name gave before."
    )
    panel: list[str] | None = Field(None, description="Also tell what was learnt of this panel.")


class Member(BaseModel):
    """One model's record; `strength` is its share of right answers, drawn a little to one half."""

    model: str = Field(description="The model.")
    answers: int = Field(description="Labelled answers.")
    right: int = Field(description="Right ones.")
    strength: float = Field(description="0 to 1.")


class Learnt(BaseModel):
    """What is known after learning; `guard` and the panel's figures only where a panel was named."""

    questions: int = Field(description="Labelled questions.")
    members: list[Member] = Field(description="Each model that answered.")
    guard: str | None = Field(
        default=None, description="The rule that decides: `leader`, `majority`, or `leader unless K`."
    )
    effective_votes: float | None = Field(
        default=None, description="As how many independent seats the panel votes."
    )
    all_wrong: float | None = Field(
        default=None, description="The share of questions that every member got wrong, 0 to 1."
    )


async def calibrate(ctx: Context, given: Calibrate) -> Learnt:
    """Learn track records, decision rules and confidence from labelled answers."""
    consensus = ctx.get(Consensus)
    found = labelled(given.rows, provider=given.provider)
    simulated = sorted(m for q in found for m in q.correct if m.partition("/")[0] in ("sim", "builtin"))
    if simulated:
        raise InvalidInput(
            f"{simulated[0]} is no language model",
            hint="simulated and built-in seats stay outside calibration",
        )
    await consensus.track.add(f"labels/{given.name}", found)
    names = sorted({member for question in found for member in question.correct})
    learnt = Learnt(questions=len(found), members=[_member(name, found) for name in names])
    if given.panel:
        panel = await consensus.track.of(given.panel)
        if panel.statistics is None:
            _require_answers(given.panel, names)
        rule = panel.guard.rule.replace("_", " ")
        learnt.guard = f"{rule} {panel.guard.k}" if panel.guard.rule == "leader_unless" else rule
        if panel.statistics is not None:
            learnt.effective_votes = round(panel.statistics.effective_votes, 3)
            learnt.all_wrong = round(panel.statistics.all_wrong, 4)
    return learnt


def _require_answers(panel: Sequence[str], known: Sequence[str]) -> None:
    """Refuse to tell a rule for models that nobody knows anything of; what was learnt stays."""
    missing = [name for name in panel if name not in known]
    if missing:
        near = get_close_matches(missing[0], known, 1, 0.4)
        raise InvalidInput(
            f"nothing can be said of this panel: the data has no answers of {', '.join(missing)}",
            hint=f"did you mean {near[0]}?" if near else f"it has answers of {', '.join(known)}",
        )


def _member(name: str, questions: list[Labelled]) -> Member:
    known = [label for question in questions if (label := question.correct.get(name)) is not None]
    return Member(
        model=name,
        answers=len(known),
        right=sum(known),
        strength=round((sum(known) + 1) / (len(known) + 2), 4),
    )


class Score(SessionId):
    """What a user says about an answer: 1 right, 0 wrong, or between."""

    score: float = Field(ge=0, le=1, description="1 right, 0 wrong.")
    turn: int | None = Field(None, ge=1, description="The turn; absent: the last.")
    note: str | None = Field(None, max_length=2000, description="Words of your own.")


class Scored(BaseModel):
    """The score as stored; `learnt` is whether calibration could use it."""

    session_id: str = Field(description="The session's id.")
    turn: int = Field(description="The turn.")
    score: float = Field(description="The score.")
    learnt: bool = Field(description="Whether calibration could use it.")


async def give_score(ctx: Context, given: Score) -> Scored:
    """Score an answer; calibration learns from clear scores of answers with a conclusion."""
    tenant = ctx.principal.tenant
    run = await ctx.get(Runs).get(given.session_id, tenant)
    turn = given.turn or run.turn
    stored = await ctx.get(Feedback).give(run.id, turn, given.score, tenant=tenant, note=given.note)
    question = await _scored(ctx, run.id, turn, given.score)
    if question is not None:
        await ctx.get(Consensus).track.add(f"score/{run.id}/{turn}", [question])
    return Scored(session_id=run.id, turn=stored.turn, score=stored.score, learnt=question is not None)


async def _scored(ctx: Context, run_id: str, turn: int, score: float) -> Labelled | None:
    """A scored turn as a labelled question; None where the score teaches nothing."""
    events = [e for e in await ctx.get(Runs).events.read(run_id) if e.data.get("turn") == turn]
    ended = next((event.data["result"] for event in events if event.type == "run.finished"), None)
    if ended is None or not ended["groups"] or ended["conclusion"] is None or 0.2 < score < 0.8:
        return None
    winners = set(ended["groups"][0]["members"])
    conclusions: dict[str, Conclusion | None] = {}
    correct: dict[str, bool | None] = {}
    for event in events:
        data = event.data
        if (
            event.type != "call.finished"
            or data["role"] != "answer"
            or data["simulated"]
            or data["abstained"]
        ):
            continue
        if data["provider"] == "builtin":
            continue
        model = f"{data['provider']}/{data['model']}"
        found = data.get("conclusion")
        conclusions[model] = None if found is None else Conclusion(**found)
        if data["member"] in winners:
            correct[model] = score >= 0.8
        else:  # another answer than a right one is wrong; beside a wrong one it may be either
            correct[model] = False if score >= 0.8 else None
    return Labelled(conclusions, correct) if correct else None


OPERATIONS = [
    Operation(
        "calibrate", "Learn who is strong and what a confidence means from labelled answers.", calibrate,
        Calibrate, Learnt, Effect.WRITE, frozenset({"write"}), http=Http("POST", "/api/calibrate"),
    ),
    Operation(
        "feedback", "Say whether an answer was right.", give_score, Score, Scored, Effect.WRITE, ASK,
        http=Http("POST", "/api/feedback"),
    ),
]  # fmt: skip
