"""How likely two answers agree: a logistic of a few cheap signs, with fixed weights."""

import math
import re

from msgspec import Struct

from quorum_mcp.consensus.reading.conclusion import same
from quorum_mcp.consensus.reading.conclusions import Found

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]{4,}")
_TAIL = 400
_LAST = 5


class Signs(Struct, frozen=True):
    """What speaks for and against agreement; flags, and overlaps between 0 and 1."""

    found: bool
    equal: bool
    equal_firm: bool
    equal_stated: bool
    equal_whole: bool
    different_firm: bool
    different_stated: bool
    contested: bool
    rival: bool
    last_number: bool
    numbers: float
    mentioned: float
    words: float


# Fitted once on pairs of recorded answers to mathematics, code and multiple choice; each kind was also predicted
# by a fit on the others, with nearly the same ranking.
_WEIGHTS = {
    "found": -1.4, "equal": 1.8, "equal_firm": 2.2, "equal_stated": 1.5, "different_firm": -1.6,
    "different_stated": -1.2, "contested": -1.3, "rival": 4.5, "last_number": 0.5, "numbers": 0.9, "mentioned": 1.1,
    "words": 1.0,
}  # fmt: skip
_BIAS = -0.4


def measure(first: Found | None, second: Found | None, a: str, b: str) -> Signs:
    """The signs of the answers `a` and `b`, whose findings are `first` and `second`."""
    tails = _numbers(a), _numbers(b)
    words = _overlap(set(_WORD.findall(a[-_TAIL:].lower())), set(_WORD.findall(b[-_TAIL:].lower())))
    overlap = _overlap(set(tails[0]), set(tails[1]))
    last = bool(tails[0] and tails[1] and tails[0][-1] == tails[1][-1])
    if first is None or second is None:
        return Signs(False, False, False, False, False, False, False, False, False, last, overlap, 0.0, words)
    one, two = first.conclusion, second.conclusion
    equal = same(one, two)
    firm, stated = _solid(first) and _solid(second), one.stated and two.stated
    clear = (first.whole or _solid(first)) and (second.whole or _solid(second))
    rival = not equal and (one.key in second.rivals or two.key in first.rivals)
    mentioned = (_plain(one.text) in tails[1]) / 2 + (_plain(two.text) in tails[0]) / 2
    return Signs(
        True, equal, equal and firm, equal and stated, equal and clear, not equal and firm, not equal and stated,
        bool(first.rivals or second.rivals), rival, last, overlap, mentioned, words,
    )  # fmt: skip


def score(signs: Signs) -> float:
    """How likely the answers agree (0..1)."""
    total = _BIAS + sum(weight * float(getattr(signs, name)) for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-total))


def _solid(found: Found) -> bool:
    return found.firm and found.argued and (found.conclusion.stated or found.conclusion.kind != "formula")


def _numbers(text: str) -> list[str]:
    return [_plain(number) for number in _NUMBER.findall(text[-_TAIL:])][-_LAST:]


def _plain(number: str) -> str:
    number = number.replace(",", "").strip("$% -")
    return number.rstrip("0").rstrip(".") if "." in number else number


def _overlap(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0
