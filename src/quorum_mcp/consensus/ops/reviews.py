"""Code reviewed by several models: files, or the changes since the last commit."""

import base64
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.changes import changes
from quorum_mcp.consensus.findings import FORM, SEVERITIES, Severity, findings
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
from quorum_mcp.consensus.ops.tasks import SURFACES
from quorum_mcp.consensus.query import MAX_CONTEXT
from quorum_mcp.operations.card import Effect, Operation
from quorum_mcp.operations.context import Context

ReviewType = Literal["full", "security", "performance", "quick"]
LOOK_FOR: dict[ReviewType, str] = {
    "full": "errors, unsafe code, races, missing cases, unclear code and missing tests",
    "security": "what an attacker could use: unchecked input, injection, wrong permissions, leaked secrets",
    "performance": "what makes it slow or large: needless work, growth with the input, blocking, leaks",
    "quick": "errors that would show at once",
}


class Source(BaseModel):
    """Code that goes along with the request."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=255, description="The file name.")
    content: str = Field(max_length=1_000_000, description="The code.")


class CodeReview(Asking):
    """Code to review."""

    files: list[str | Source] = Field(
        min_length=1, max_length=50,
        description="Paths below the server's allowed folders, or {name, content}.",
    )  # fmt: skip
    review_type: ReviewType = Field("full", description="quick asks one model, the others ask all.")
    focus_areas: list[str] = Field([], max_length=20, description="What to look at above all.")
    severity_filter: Literal["all", "high", "critical"] = Field("all", description="The least to report.")


class FindingView(BaseModel):
    """One finding, and the models that saw it."""

    severity: Severity = Field(description="How grave it is.")
    file: str = Field(description="Where.")
    line: int | None = Field(description="The line, from 1; null where none was named.")
    title: str = Field(description="What is wrong.")
    detail: str = Field(description="Why it matters, and what to do.")
    members: list[str] = Field(description="Who saw it.")


class ReviewAnswer(FetchAnswer):
    """The review."""

    findings: list[FindingView] = Field([], description="The gravest first.")
    reviewed: list[str] = Field([], description="The files that were reviewed.")


def _reviewed(ctx: Context, given: CodeReview) -> Asked:
    quick = given.review_type == "quick"
    focus = f" Look above all at: {', '.join(given.focus_areas)}." if given.focus_areas else ""
    text = f"Review this code for {LOOK_FOR[given.review_type]}.{focus}\n\n{FORM}"
    query = question(
        given, ctx, text, exhaustive=True, answer_format="text", timeout_seconds=LONG,
        mode="full_deliberation" if given.review_type == "full" else "quick_consensus",
        file_paths=[one for one in given.files if isinstance(one, str)],
        files=[_upload(one.name, one.content) for one in given.files if isinstance(one, Source)],
    )  # fmt: skip
    about = {
        "tool": "code_review",
        "least": given.severity_filter,
        "reviewed": [one if isinstance(one, str) else one.name for one in given.files],
    }
    return Asked(query=query, strategy="solo" if quick else None, about=about)


async def code_review(ctx: Context, given: CodeReview) -> ReviewAnswer:
    """Review files."""
    return await answer(ctx, _reviewed(ctx, given), ReviewAnswer, add_findings)


class ReviewChanges(Asking):
    """Changes to review."""

    paths: list[str] = Field(
        [], max_length=20, description="Folders or files of a git repository below the allowed folders."
    )
    include_untracked: bool = Field(True, description="New files too.")
    original_task: str | None = Field(None, max_length=MAX_CONTEXT, description="What they are meant to do.")


async def _changed(ctx: Context, given: ReviewChanges) -> Asked:
    roots = ctx.get(Settings).files.roots
    found = await changes(given.paths, roots, untracked=given.include_untracked)
    text = f"Review these changes for {LOOK_FOR['full']}. `file` and `line` are those after the change.\n\n{FORM}"
    if given.original_task:
        text = f"Say first whether the changes do what they are meant to, and what they leave out.\n\n{text}"
    query = question(
        given, ctx, text, context=given.original_task, exhaustive=True, answer_format="text", timeout_seconds=LONG,
        files=[_upload("changes.diff", found.text)],
    )  # fmt: skip
    about = {"tool": "review_changes", "reviewed": list(found.files), "left_out": list(found.left_out)}
    return Asked(query=query, about=about)


async def _changes_cost(ctx: Context, given: ReviewChanges) -> int:
    return await most(ctx, await _changed(ctx, given))


async def review_changes(ctx: Context, given: ReviewChanges) -> ReviewAnswer:
    """Review the changes since the last commit."""
    return await answer(ctx, await _changed(ctx, given), ReviewAnswer, add_findings)


def _upload(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "media_type": "text/plain", "data": base64.b64encode(text.encode()).decode()}


def add_findings(found: ReviewAnswer, texts: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """The findings in the members' texts, joined; what was reviewed, and what was not."""
    least = str(about.get("least", "all"))
    found.reviewed = about["reviewed"]
    found.warnings = [*found.warnings, *(f"not reviewed: {line}" for line in about.get("left_out", ()))]
    shown = SEVERITIES if least == "all" else SEVERITIES[: SEVERITIES.index(_severity(least)) + 1]
    found.findings = [
        FindingView(
            severity=one.severity, file=one.file, line=one.line, title=one.title, detail=one.detail,
            members=list(one.members),
        )
        for one in findings(texts)
        if one.severity in shown
    ]  # fmt: skip


def _severity(name: str) -> Severity:
    return next(severity for severity in SEVERITIES if severity == name)


OPERATIONS = [
    Operation(
        "code_review", "Let several models review code; findings are joined and say how many models saw them.",
        code_review, CodeReview, ReviewAnswer, Effect.SPEND, ASK, surfaces=SURFACES, tool="code_review",
        title="Review code", open_world=True, worst_case=bounded(_reviewed),
    ),
    Operation(
        "review_changes", "Let several models review the changes of a git repository since its last commit.",
        review_changes, ReviewChanges, ReviewAnswer, Effect.SPEND, ASK, surfaces=SURFACES, tool="review_changes",
        title="Review changes", open_world=True, worst_case=_changes_cost,
    ),
]  # fmt: skip
