"""Remainders, comparisons and yes-or-no questions about numbers."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.evaluate import Evaluation, Value
from quorum_mcp.providers.builtin.arithmetic.functions import whole
from quorum_mcp.providers.builtin.arithmetic.parse import parse
from quorum_mcp.providers.builtin.arithmetic.solution import Solution

_MAX_PRIME = 10**10


def relation(text: str) -> Solution | None:
    """The solution of a question about a remainder, an order or a property; None when `text` is none."""
    for pattern, solve in _FORMS:
        if match := pattern.fullmatch(text):
            return solve(match)
    return None


def _value(text: str) -> Value:
    return Evaluation().value(parse(text))


def _pair(match: re.Match[str]) -> tuple[Value, Value]:
    a, b = _value(match["a"]), _value(match["b"])
    if a.money != b.money:
        raise Abstain("the two amounts are not of one kind")
    return a, b


def _remainder(match: re.Match[str]) -> Solution:
    a, b = (whole(value.amount) for value in _pair(match))
    if a < 0 or b <= 0:
        raise Abstain("remainders of negative numbers and by zero are defined in different ways")
    return Solution((f"{a} = {a // b} × {b} + {a % b}",), str(a % b))


def _divisible(match: re.Match[str]) -> Solution:
    a, b = (whole(value.amount) for value in _pair(match))
    if b == 0:
        raise Abstain("division by zero is undefined")
    rest = abs(a) % abs(b)
    return Solution((f"{a} divided by {b} leaves {rest}",), "no" if rest else "yes")


def _prime(match: re.Match[str]) -> Solution:
    number = whole(_value(match["a"]).amount)
    if number > _MAX_PRIME:
        raise Abstain("I test only numbers up to 10,000,000,000 for being prime")
    if number < 2:
        return Solution((f"{number} is below 2, and primes begin at 2",), "no")
    divisor = next((d for d in range(2, math.isqrt(number) + 1) if number % d == 0), None)
    if divisor is None:
        return Solution((f"no number from 2 to {math.isqrt(number)} divides {number}",), "yes")
    return Solution((f"{number} = {divisor} × {number // divisor}",), "no")


def _sign(a: Fraction, b: Fraction) -> str:
    return "<" if a < b else ">" if a > b else "="


def _ordered(match: re.Match[str]) -> Solution:
    a, b = _pair(match)
    sign = _sign(a.amount, b.amount)
    wanted = match["how"].lower()
    if wanted.startswith(("equal", "the same")):
        holds = sign == "="
    else:
        holds = sign == (">" if _is_greater(wanted) else "<")
    return Solution((f"{a.text} {sign} {b.text}",), "yes" if holds else "no")


def _which(match: re.Match[str]) -> Solution:
    a, b = _pair(match)
    sign = _sign(a.amount, b.amount)
    if sign == "=":
        return Solution((f"{a.text} = {b.text}",), "they are equal")
    first = (sign == ">") == _is_greater(match["how"].lower())
    return Solution((f"{a.text} {sign} {b.text}",), match["a" if first else "b"].strip())


def _is_greater(word: str) -> bool:
    return word.startswith(("great", "larg", "big", "high", "more"))


_GREATER = r"(?:greater|larger|bigger|higher|more)"
_LESS = r"(?:less|smaller|lower|fewer)"
_HOW = rf"(?P<how>{_GREATER}|{_LESS}|greatest|largest|smallest)"
_Solve = Callable[[re.Match[str]], Solution]
_QUESTIONS: tuple[tuple[_Solve, tuple[str, ...]], ...] = (
    (_remainder, (
        r"(?:the )?remainder (?:when|if|of|from)(?: dividing)? (?P<a>.+?)(?: is)? (?:divided )?by (?P<b>.+)",
    )),
    (_divisible, (r"is (?P<a>.+?) (?:evenly )?divisible by (?P<b>.+)",)),
    (_prime, (r"is (?P<a>.+?) (?:a )?prime(?: number)?",)),
    (_ordered, (
        rf"is (?P<a>.+?) {_HOW} than (?P<b>.+)",
        r"(?:is|are) (?P<a>.+?) (?P<how>equal to|the same as) (?P<b>.+)",
    )),
    (_which, (
        rf"which(?: number| one)?(?: is|'s)? (?:the )?{_HOW}(?: number| one)?(?:,|:| of| between)? (?P<a>.+?),? (?:or|and) (?P<b>.+)",
        rf"which of (?P<a>.+?) (?:or|and) (?P<b>.+?) is (?:the )?{_HOW}(?: one| number)?",
    )),
)  # fmt: skip
_FORMS = [
    (re.compile(pattern, re.IGNORECASE), solve) for solve, patterns in _QUESTIONS for pattern in patterns
]
