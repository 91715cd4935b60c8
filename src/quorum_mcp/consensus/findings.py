"""Findings of code reviews: read from each reviewer's answer, and joined where several saw the same."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, structs

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
NEAR_LINES = 3
ALIKE = 0.4
"""Share of words that two titles at nearly the same place have in common when they mean the same."""
FORM = (
    "Report each finding in one line of the form\n"
    'FINDING {"severity": "critical|high|medium|low", "file": "<path>", "line": <number or null>, '
    '"title": "<what is wrong, in a few words>", "detail": "<why it matters, and what to do>"}\n'
    "Report only what you can show in the code. If you find nothing, write NO FINDINGS. After the findings, say in "
    "a few sentences whether this can go in as it is."
)
_LINE = re.compile(r"^[^\w\n]*FINDING\b\W*?(\{.*\})\W*$", re.MULTILINE)
_WORD = re.compile(r"\w{3,}")


class Finding(Struct, frozen=True, kw_only=True):
    """One of them. `line` counts from 1; `members` are the reviewers that saw it."""

    severity: Severity
    file: str
    line: int | None
    title: str
    detail: str
    members: tuple[str, ...]


def findings(answers: Mapping[str, str]) -> list[Finding]:
    """The findings of all answers (text by member), the gravest and most often seen first."""
    joined: list[Finding] = []
    for member, text in answers.items():
        for one in read(member, text):
            at = next((at for at, known in enumerate(joined) if _same(known, one)), None)
            if at is None:
                joined.append(one)
            else:
                joined[at] = _together(joined[at], one)
    return sorted(joined, key=lambda f: (SEVERITIES.index(f.severity), -len(f.members), f.file, f.line or 0))


def read(member: str, text: str) -> list[Finding]:
    """The findings of one answer; lines that cannot be read are no findings."""
    found: list[Finding] = []
    for line in _LINE.findall(text):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and (one := _finding(member, value)) is not None:
            found.append(one)
    return found


def _finding(member: str, value: Mapping[str, Any]) -> Finding | None:
    severity, title = str(value.get("severity", "")).casefold(), str(value.get("title", "")).strip()
    if severity not in SEVERITIES or not title:
        return None
    line = value.get("line")
    return Finding(
        severity=SEVERITIES[SEVERITIES.index(severity)],
        file=str(value.get("file") or "").strip()[:500],
        line=line if isinstance(line, int) and line > 0 else None,
        title=title[:300],
        detail=str(value.get("detail") or "").strip()[:2_000],
        members=(member,),
    )


def _same(one: Finding, other: Finding) -> bool:
    if one.file != other.file:
        return False
    words, others = set(_WORD.findall(one.title.casefold())), set(_WORD.findall(other.title.casefold()))
    common = len(words & others) / max(1, min(len(words), len(others)))
    if one.line is None or other.line is None:
        return common >= 2 * ALIKE
    return abs(one.line - other.line) <= NEAR_LINES and common >= ALIKE


def _together(one: Finding, other: Finding) -> Finding:
    """As grave as the gravest; the first one's words."""
    grave = min(one.severity, other.severity, key=SEVERITIES.index)
    members = tuple(dict.fromkeys([*one.members, *other.members]))
    return structs.replace(one, severity=grave, members=members)
