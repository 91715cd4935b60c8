"""Which letter a text announces: "the answer is (C)", "hence C", "the correct option is C."."""

import re

from quorum_mcp.consensus import choices, marks
from quorum_mcp.consensus.normal import Context

_CORRECTION = re.compile(
    r"\b(?:wait|actually|correction|mistake|recalculat\w+|reconsider\w*|however|apologi\w+|instead)\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"(?:\b(?:is|be|are|option|choice|statement|answer)\s{1,2}(?:option\s|closest\sto\s)?[*_]{0,2}(?:\(([A-J])\)|([A-J])(?=[.):]\s|[*]|\.?$))"
    r"|\bor\s\(([A-J])\)(?=\.?$))"
)
_REASONED = 40
_ECHO = 80


def announced(text: str, about: Context) -> tuple[str, bool] | None:
    """The letter that `text` announces as its answer, and whether it announces another one too.

    Where letters differ, the last one counts, since models correct themselves; but a first one that stands at
    the end of a reasoning is not undone by a mere list of letters behind it.
    """
    hits: list[tuple[int, int, str]] = []
    for found in marks.announcements(text):
        segment = marks.sentence(text, found.end()).lstrip(" .…")
        mark = choices.letter(segment, known=about.options or None)
        if mark and mark <= ("J" if not about.options else "Z"):
            hits.append((found.start(), found.end(), mark))
    if not hits:
        return None
    marks_seen = [mark for _, _, mark in hits]
    if len(set(marks_seen)) == 1:
        return marks_seen[0], False
    between = text[hits[0][1] : hits[1][0]]
    if hits[0][0] >= _REASONED and len(between) < _ECHO and not _CORRECTION.search(between):
        return marks_seen[0], marks_seen[-1] != marks_seen[0]
    return marks_seen[-1], marks_seen[-1] != marks_seen[0]


def mentioned(sentence: str, about: Context) -> str | None:
    """The last letter that a sentence names without announcing it ("the false statement is D.")."""
    seen = [next(filter(None, found)) for found in _WEAK.findall(sentence)]
    seen = [mark for mark in seen if not about.options or mark in about.options]
    return seen[-1] if seen else None
