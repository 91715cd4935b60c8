"""Do two free-text answers agree? Three values, and a graded score.

Equal normalised conclusions agree, different stated ones disagree, everything else cannot be told. The score also
looks at the numbers the answers end with and, a little, at their words; words never decide.
"""

import re
from typing import Literal

from msgspec import Struct

from quorum_mcp.consensus.reading import evidence
from quorum_mcp.consensus.reading.conclusion import Conclusion
from quorum_mcp.consensus.reading.conclusions import Found, search
from quorum_mcp.consensus.reading.normal import AnswerFormat

_WORD = re.compile(r"\w+")
_SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "and",
        "or",
        "is",
        "are",
        "it",
        "its",
        "this",
        "that",
        "with",
        "for",
        "by",
    ]
)

_NEGATIONS = frozenset({"not", "no", "never", "none", "neither", "cannot", "without", "non"})


class Comparison(Struct, frozen=True):
    """How two answers compare; `score` (0..1) is higher the likelier they say the same."""

    agreement: Literal["agree", "disagree", "cannot_tell"]
    score: float
    a: Conclusion | None
    b: Conclusion | None


def compare(
    a: str, b: str, *, question: str | None = None, answer_format: AnswerFormat = "auto"
) -> Comparison:
    """Compare the answers `a` and `b` to one question; symmetric.

    Args:
        a: one whole answer.
        b: the other.
        question: what was asked, where known.
        answer_format: the form that was asked for.
    """
    first = search(a, question=question, answer_format=answer_format)
    second = search(b, question=question, answer_format=answer_format)
    signs = evidence.measure(first, second, a, b)
    agreement: Literal["agree", "disagree", "cannot_tell"] = "cannot_tell"
    if (signs.equal_firm or signs.equal_whole) and not signs.contested:
        agreement = "agree"
    elif signs.different_stated and not signs.contested and not _alike(first, second):
        agreement = "disagree"
    one, two = (first and first.conclusion), (second and second.conclusion)
    return Comparison(agreement, evidence.score(signs), one, two)


def _alike(first: Found | None, second: Found | None) -> bool:
    """Whether two different conclusions may still mean the same: phrases that share a word may, values may not."""
    if first is None or second is None:
        return True
    one, two = first.conclusion, second.conclusion
    if one.kind != "phrase" and two.kind != "phrase":
        return False
    first_words, second_words = _words(one.text), _words(two.text)
    if bool(first_words & _NEGATIONS) != bool(second_words & _NEGATIONS):
        return False
    return bool(first_words & second_words)


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in _SMALL}
