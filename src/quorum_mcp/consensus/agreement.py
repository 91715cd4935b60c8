"""Do two free-text answers agree? Three values, and a graded score.

Equal normalised conclusions agree, different stated ones disagree, everything else cannot be told. The score also
looks at the numbers the answers end with and, a little, at their words; words never decide.
"""

import math
import re
from typing import Literal

from msgspec import Struct

from quorum_mcp.consensus.conclusion import Conclusion, same
from quorum_mcp.consensus.conclusions import search
from quorum_mcp.consensus.normal import AnswerFormat

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]{3,}")
_TAIL = 400


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
    equal = first is not None and second is not None and same(first.conclusion, second.conclusion)
    agreement: Literal["agree", "disagree", "cannot_tell"] = "cannot_tell"
    if (
        first
        and second
        and equal
        and first.firm
        and second.firm
        and not (first.contested or second.contested)
    ):
        agreement = "agree"
    elif first and second and not equal and first.conclusion.stated and second.conclusion.stated:
        agreement = "disagree"
    one, two = (first and first.conclusion), (second and second.conclusion)
    score = _score(one, two, equal, a, b)
    return Comparison(agreement, score, one, two)


def _score(first: Conclusion | None, second: Conclusion | None, equal: bool, a: str, b: str) -> float:
    x = -1.5
    if equal:
        x += 3.0
    elif first is not None and second is not None:
        x -= 1.0
    tail_a, tail_b = _tail_numbers(a), _tail_numbers(b)
    if tail_a and tail_b:
        x += 1.0 * (tail_a[-1] == tail_b[-1])
        x += 1.5 * _overlap(set(tail_a), set(tail_b))
    x += 1.0 * _overlap(set(_WORD.findall(a[-_TAIL:].lower())), set(_WORD.findall(b[-_TAIL:].lower())))
    return 1 / (1 + math.exp(-x))


def _tail_numbers(text: str) -> list[str]:
    return [number.replace(",", "") for number in _NUMBER.findall(text[-_TAIL:])][-6:]


def _overlap(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0
