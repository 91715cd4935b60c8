"""Several models on one task, side by side; and options compared by criteria."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from pydantic import BaseModel, Field

from quorum_mcp.consensus.ops.answering import LONG, Asked, Asking, FetchAnswer, answer, bounded, question
from quorum_mcp.consensus.ops.ask import ASK
from quorum_mcp.consensus.ops.tasks import SURFACES
from quorum_mcp.consensus.query import MAX_CONTEXT, Question
from quorum_mcp.consensus.scores import scores
from quorum_mcp.operations.card import Effect, Operation
from quorum_mcp.operations.context import Context

MOST_OPTIONS = 26


class MultiReview(Asking):
    """A task for several models."""

    task: Question = Field(description="What each of them is asked.")
    models: list[str] | None = Field(
        None, min_length=1, description="provider/model names; absent: the panel."
    )
    compare: bool = Field(True, description="Also say where they agree and differ, and write one answer.")


class Review(BaseModel):
    """One model's answer."""

    member: str = Field(description="Whose.")
    text: str = Field(description="The answer.")


class MultiReviewAnswer(FetchAnswer):
    """The answers side by side."""

    reviews: list[Review] = Field([], description="Each model's own answer.")


def _side_by_side(ctx: Context, given: MultiReview) -> Asked:
    more = {} if given.compare else {"synthesizer": None}
    query = question(
        given, ctx, given.task, panel=given.models, exhaustive=True, timeout_seconds=LONG, **more
    )
    return Asked(query=query, about={"tool": "multi_model_review"})


async def multi_model_review(ctx: Context, given: MultiReview) -> MultiReviewAnswer:
    """Give several models the same task."""
    return await answer(ctx, _side_by_side(ctx, given), MultiReviewAnswer, add_reviews)


def add_reviews(found: MultiReviewAnswer, texts: Mapping[str, str], _: Mapping[str, Any]) -> None:
    """Each model's own answer."""
    found.reviews = [Review(member=member, text=text) for member, text in texts.items()]


class Comparison(Asking):
    """Options to compare."""

    options: list[str] = Field(min_length=2, max_length=MOST_OPTIONS, description="What is compared.")
    criteria: list[str] = Field(
        [], max_length=20, description="What matters; absent: the models' own judgement."
    )
    context: str | None = Field(None, max_length=MAX_CONTEXT, description="The situation.")


class Rank(BaseModel):
    """One option's place."""

    option: str = Field(description="The option.")
    score: float = Field(description="1 to 10, the mean over criteria of the models' means.")
    spread: float = Field(description="The widest gap between two models on one criterion.")
    by_criterion: dict[str, float] = Field(description="The models' mean on each criterion.")
    by_model: dict[str, float] = Field(description="Each model's mean over the criteria.")


class ComparisonAnswer(FetchAnswer):
    """The options in the models' order."""

    ranking: list[Rank] = Field([], description="Best first, by the mean of all models.")


def _compared(ctx: Context, given: Comparison) -> Asked:
    criteria = given.criteria or ["overall"]
    letters = [chr(ord("A") + at) for at in range(len(given.options))]
    listed = "\n".join(f"{letter}) {option}" for letter, option in zip(letters, given.options, strict=True))
    numbered = "\n".join(f"{at}. {criterion}" for at, criterion in enumerate(criteria, 1))
    text = (
        f"Compare these options.\n{listed}\n\nCriteria:\n{numbered}\n\n"
        "First give each option a score from 1 (bad) to 10 (good) on each criterion, one line each, of the form\n"
        "SCORE <letter> <number of the criterion> <score>\n"
        "then say in a few sentences why, and conclude with the letter of the option you would choose."
    )
    query = question(
        given, ctx, text, context=given.context, exhaustive=True, answer_format="choice", timeout_seconds=LONG
    )
    return Asked(
        query=query, about={"tool": "comparative_analysis", "options": given.options, "criteria": criteria}
    )


async def comparative_analysis(ctx: Context, given: Comparison) -> ComparisonAnswer:
    """Let several models score options independently."""
    return await answer(ctx, _compared(ctx, given), ComparisonAnswer, add_ranking)


def add_ranking(found: ComparisonAnswer, texts: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """The options by the scores that each model gave."""
    options, criteria = about["options"], about["criteria"]
    by_model = {
        member: scores(text, options=len(options), criteria=len(criteria)) for member, text in texts.items()
    }
    found.ranking = _ranked(options, criteria, by_model)
    if unread := [member for member, table in by_model.items() if not table]:
        found.warnings = [*found.warnings, f"no scores could be read from {', '.join(unread)}"]


def _ranked(
    options: list[str], criteria: list[str], tables: dict[str, dict[tuple[int, int], float]]
) -> list[Rank]:
    ranks: list[Rank] = []
    for at, option in enumerate(options):
        per_criterion = {
            name: [table[at, number] for table in tables.values() if (at, number) in table]
            for number, name in enumerate(criteria)
        }
        given = {name: values for name, values in per_criterion.items() if values}
        if not given:
            continue
        own = {
            member: [value for (option_at, _), value in table.items() if option_at == at]
            for member, table in tables.items()
        }
        ranks.append(
            Rank(
                option=option,
                score=round(fmean(fmean(values) for values in given.values()), 2),
                spread=max(max(values) - min(values) for values in given.values()),
                by_criterion={name: round(fmean(values), 2) for name, values in given.items()},
                by_model={member: round(fmean(values), 2) for member, values in own.items() if values},
            )
        )
    return sorted(ranks, key=lambda rank: -rank.score)


OPERATIONS = [
    Operation(
        "multi_model_review", "Give several models the same task and see their answers side by side.",
        multi_model_review, MultiReview, MultiReviewAnswer, Effect.SPEND, ASK, surfaces=SURFACES,
        tool="multi_model_review", title="Compare models", open_world=True, worst_case=bounded(_side_by_side),
    ),
    Operation(
        "comparative_analysis", "Let several models score options by criteria, independently, and rank them.",
        comparative_analysis, Comparison, ComparisonAnswer, Effect.SPEND, ASK, surfaces=SURFACES,
        tool="comparative_analysis", title="Compare options", open_world=True, worst_case=bounded(_compared),
    ),
]  # fmt: skip
