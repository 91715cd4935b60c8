r"""Where a text announces its answer: a box, "the answer is", "So:" at the start of a line, "hence"."""

import re
from typing import Literal, NamedTuple

from quorum_mcp.consensus.reading import latex, literals

_ANSWER = re.compile(
    r"answer(?:\s+(?:to|for|of)\s[^.\n:]{1,80}?)?[*_]{0,3}\s{0,3}"
    r"(?:(?:is|would be|should be|must be|will be|:|：)[*_]{0,3}\s{0,4})+"
    r"(?:(?:therefore|thus|indeed|clearly|simply|closest to|option|choice)\s)?"
    r"|(?:correct|best|right) (?:choice|option|statement)\s+is:?\s",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:so|hence|therefore|thus|result|final)[*_]{0,2}\s?:[*_]{0,2}[ \t]{0,3}(?=\S)", re.IGNORECASE
)
_LINE_START = re.compile(r"(?:^|\n)[\s*_#>]{0,6}$")
_HENCE = re.compile(r"(?:hence|so|therefore|thus)[*_,:]{0,3}\s{1,4}(?:[:=]\s{0,3})?", re.IGNORECASE)
_NEXT_QUESTION = re.compile(r"\n\s{0,8}(?:question|q)\s{0,3}\d{0,4}\s{0,3}[:.]", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\n|(?:(?<=[.?。])|(?<=[a-z]!))(?<![A-Z][.])(?=\s|$|\*\*|\")|[.]\Z")
_HEAD, _TAIL = 1500, 6000
_CUES = ("answer", "correct ", "best ", "right ", "hence", "so", "therefore", "thus", "result", "final")


class Mark(NamedTuple):
    """A place that announces an answer, which follows from `end` on."""

    start: int
    end: int
    kind: Literal["answer", "label", "hence"]


def boxed(text: str) -> tuple[str, int] | None:
    r"""What the last \boxed{…} holds, and where it ends."""
    place = len(text)
    for _ in range(3):
        place = max(text.rfind("\\boxed", 0, place), text.rfind("\\fbox", 0, place))
        if place < 0:
            return None
        start = text.find("{", place, place + 12)
        end = latex.group_end(text, start) if start > 0 else -1
        if end > 0:
            inner = text[start + 1 : end - 1].strip()
            while inner.startswith("{") and inner.endswith("}") and latex.group_end(inner, 0) == len(inner):
                inner = inner[1:-1].strip()
            if inner:
                return inner, end
    return None


def own_part(text: str) -> str:
    """`text` up to where, its answer given, it goes on with a new question of its own making."""
    found = _NEXT_QUESTION.search(text)
    if (
        found
        and found.start() > 0
        and ("nswer is" in text[: found.start()] or "\\boxed" in text[: found.start()])
    ):
        return text[: found.start()]
    return text


def window(text: str) -> str:
    """The parts of a long text in which announcements are looked for: its start and its end."""
    if len(text) <= _HEAD + _TAIL:
        return text
    return text[:_HEAD] + "\n" + text[-_TAIL:]


def announcements(text: str) -> list[Mark]:
    """The places where an answer is announced in words, first to last."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(mark.lower() if len(mark.lower()) == 1 else mark for mark in text)
    found: list[Mark] = []
    for cue in _CUES:
        place = lower.find(cue)
        while place >= 0:
            if (place == 0 or not lower[place - 1].isalnum()) and (mark := _mark(text, place)):
                found.append(mark)
            place = lower.find(cue, place + len(cue))
    found.sort(key=lambda mark: (mark.end, mark.start))
    return found


def _mark(text: str, place: int) -> Mark | None:
    if hit := _ANSWER.match(text, place):
        return Mark(place, hit.end(), "answer")
    if (hit := _LABEL.match(text, place)) and _LINE_START.search(text[max(0, place - 8) : place]):
        return Mark(place, hit.end(), "label")
    if hit := _HENCE.match(text, place):
        return Mark(place, hit.end(), "hence")
    return None


def sentence(text: str, start: int, *, whole_line: bool = False) -> str:
    """`text` from `start`, or from the next line that is not empty, to the end of the sentence or line."""
    part = text[start : start + literals.MAX_LENGTH]
    if not part.partition("\n")[0].strip(" *_:"):
        part = part.lstrip(" *_:\r\n")
    if part.lstrip().startswith(("```", '{"', "{\n")):
        return ""
    if whole_line:
        return part.partition("\n")[0]
    end = _SENTENCE_END.search(part)
    return part[: end.start()] if end else part
