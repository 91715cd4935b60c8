"""Which letter a text announces: "the answer is (C)", "hence C", "the correct option is C."."""

import re

from quorum_mcp.consensus.reading import choices, marks
from quorum_mcp.consensus.reading.normal import Context

_CORRECTION = re.compile(
    r"\b(?:wait|actually|correction|mistake|recalculat\w+|reconsider\w*|however|apologi\w+|instead)\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"(?:\b(?:is|be|are|option|choice|statement|answer)\s{1,2}(?:option\s|closest\sto\s)?[*_]{0,2}(?:\(([A-J])\)|([A-J])(?=[.):]\s|[*]|\.?$))"
    r"|\bor\s\(([A-J])\)(?=\.?$))"
)
_WORDS = re.compile(r"\w+")
_SHORTEST = 4
_NEAR = 60
_REASONED = 40
_ECHO = 80


def announced(text: str, found: list[marks.Mark], about: Context) -> tuple[str, tuple[str, ...]] | None:
    """The letter that `text` announces at the places `found`, and the first and last other ones that it announces.

    Where letters differ, the last one counts, since models correct themselves; but a first one that stands at
    the end of a reasoning is not undone by a mere list of letters behind it.
    """
    hits: list[tuple[int, int, str]] = []
    for place in found:
        segment = text[place.end : place.end + _NEAR].lstrip(" .…\n*")
        mark = choices.letter(segment, known=about.options or None)
        if mark and mark <= ("J" if not about.options else "Z"):
            hits.append((place.start, place.end, mark))
    if not hits:
        return None
    first, last = hits[0][2], hits[-1][2]
    chosen = last
    if len(hits) > 1 and hits[0][0] >= _REASONED:
        between = text[hits[0][1] : hits[1][0]]
        if len(between) < _ECHO and not _CORRECTION.search(between):
            chosen = first
    return chosen, tuple(mark for mark in (first, last) if mark != chosen)


def mentioned(sentence: str, about: Context) -> str | None:
    """The last letter that a sentence names without announcing it ("the false statement is D.")."""
    seen = [next(filter(None, found)) for found in _WEAK.findall(sentence)]
    seen = [mark for mark in seen if not about.options or mark in about.options]
    return seen[-1] if seen else None


def named(sentence: str, about: Context) -> str | None:
    """The only option whose text a sentence contains ("so it must be London"), None where there are more."""
    words = f" {' '.join(_WORDS.findall(sentence.lower()))} "
    texts = {mark: " ".join(_WORDS.findall(text.lower())) for mark, text in about.options.items()}
    seen = [mark for mark, text in texts.items() if len(text) >= _SHORTEST and f" {text} " in words]
    return seen[0] if len(seen) == 1 else None
