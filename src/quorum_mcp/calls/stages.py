"""A call's trace as stages: what each part of the pipeline decided, and the time that went by until it had.

The trace is one line for each decision, with the milliseconds since the call began. Where a line ends a request to
a provider, the request's own times are used.
"""

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

StageName = Literal[
    "candidates", "guardrail", "cache", "queue", "breaker", "limits", "budget", "provider", "pause", "other"
]
LEAST_PAUSE = 0.005
"""Seconds between two attempts that count as a pause."""
SLACK = 0.05
"""Seconds by which the clocks of a call and of its attempts may differ."""
_LINE = re.compile(r"(\d+) ms: (.*)", re.DOTALL)
_OF_PROVIDER = re.compile(r"(\S+) (?:answered|failed): ")
_BEGINNINGS: tuple[tuple[str, StageName], ...] = (
    ("candidates: ", "candidates"),
    ("fallback ", "candidates"),
    ("guardrail ", "guardrail"),
    ("cache: ", "cache"),
    ("waited ", "limits"),
    ("breaker of ", "breaker"),
    ("reserved ", "budget"),
)


class Request(Struct, frozen=True):
    """One request that left: seconds after the call began, and how long it took (None: nobody knows)."""

    model: str
    began: float
    seconds: float | None


class Stage(Struct, frozen=True):
    """One decision: `began` and `seconds` after the call's beginning, in seconds."""

    stage: StageName
    began: float
    seconds: float
    decision: str


def stages(trace: Sequence[str], requests: Sequence[Request]) -> list[Stage]:
    """The stages of a call, in their order; `requests` are those that left, by their number."""
    left, found, now, failed = list(requests), list[Stage](), 0.0, False
    for line in trace:
        parts = _LINE.fullmatch(line)
        at, text = (float(parts[1]) / 1000, parts[2]) if parts else (now, line)
        name = _name(text)
        if failed and at - now > LEAST_PAUSE:
            found.append(Stage("pause", now, round(at - now, 3), "waited before the next attempt"))
            now = at
        began = min(now, at)
        if name == "provider":
            request = _request(left, _model(text), at)
            began = at if request is None else min(max(request.began, now), at)
        found.append(Stage(name, round(began, 3), round(at - began, 3), text))
        now, failed = max(now, at), name == "provider" and " failed: " in text
    return found


def last_left(trace: Sequence[str]) -> float:
    """When the last request left, seconds after the call's beginning: once the last decision about it was made."""
    for line in reversed(trace):
        parts = _LINE.fullmatch(line)
        if parts is not None and _name(parts[2]) in ("breaker", "budget"):
            return float(parts[1]) / 1000
    return 0.0


def _request(left: list[Request], model: str, at: float) -> Request | None:
    """Take the request that ended at this time, if one did: what a breaker refused never left."""
    if not left or left[0].model != model or left[0].began > at + SLACK:
        return None
    if left[0].seconds is not None and left[0].began + left[0].seconds > at + SLACK:
        return None
    return left.pop(0)


def _name(text: str) -> StageName:
    if _OF_PROVIDER.match(text):
        return "provider"
    if text.startswith("waited ") and text.endswith(" for a place"):
        return "queue"
    for beginning, name in _BEGINNINGS:
        if text.startswith(beginning):
            return name
    return "other"


def _model(text: str) -> str:
    found = _OF_PROVIDER.match(text)
    return found[1] if found else ""
