"""Questions about percentages that are not plain expressions."""

import re
from collections.abc import Callable
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.evaluate import Evaluation, Value
from quorum_mcp.providers.builtin.arithmetic.parse import parse

Worked = tuple[list[str], Value]
"""Steps and value."""
_Solve = Callable[[re.Match[str]], Worked]

_PCT = r"(?:%| ?percent(?:age)?| ?per cent| ?pct)"
_MORE = r"(?:more|higher|greater|larger|bigger) than"
_LESS = r"(?:less|lower|smaller|fewer) than"
_WHAT = r"(?:what|which)"


def percent(text: str) -> Worked | None:
    """Steps and value of a percentage question; None when `text` is none."""
    for pattern, solve in _FORMS:
        if match := pattern.fullmatch(text):
            return solve(match)
    return None


def _evaluate(text: str) -> Value:
    return Evaluation().value(parse(text))


def _share(text: str) -> Fraction:
    """A percentage written without its sign, as a fraction of one."""
    value = _evaluate(text)
    if value.money or value.percent:
        raise Abstain("the percentage is not a plain number")
    return value.amount / 100


def _pair(match: re.Match[str]) -> tuple[Value, Value]:
    a, b = _evaluate(match["a"]), _evaluate(match["b"])
    if a.money != b.money or a.percent or b.percent:
        raise Abstain("the two amounts are not of one kind")
    return a, b


def _part_of(match: re.Match[str]) -> Worked:
    part, total = _pair(match)
    if total.amount == 0:
        raise Abstain("a share of zero is undefined")
    result = Value(part.amount / total.amount, percent=True)
    return [f"{part.text} ÷ {total.text} = {result.text}"], result


def _change(match: re.Match[str]) -> Worked:
    old, new = _pair(match)
    if old.amount <= 0:
        raise Abstain("a change relative to zero or to a negative number is undefined")
    share = (new.amount - old.amount) / old.amount
    wanted = (match.groupdict().get("way") or "change").lower()
    falls = wanted.startswith(("decrease", "drop", "fall", "reduc", "declin", "discount"))
    if share != 0 and wanted != "change" and falls != (share < 0):
        raise Abstain(f"the number goes {'down' if share < 0 else 'up'}, which is not what the question says")
    shown = Value(abs(share) if falls else share, percent=True)
    signed = Value(share, percent=True)
    return [f"({new.text} - {old.text}) ÷ {old.text} = {signed.text}"], shown


def _scaled(sign: int) -> _Solve:
    def solve(match: re.Match[str]) -> Worked:
        share, base = _share(match["p"]), _evaluate(match["b"])
        if base.percent:
            raise Abstain("a percentage more or less than a percentage can be read two ways")
        factor = 1 + sign * share
        result = Value(base.amount * factor, base.money)
        return [
            f"{base.text} × (1 {'+' if sign > 0 else '-'} {Value(share, percent=True).text}) = {result.text}"
        ], result

    return solve


def _whole_of(match: re.Match[str]) -> Worked:
    share, part = _share(match["p"]), _evaluate(match["a"])
    if share == 0:
        raise Abstain("zero percent of anything is zero")
    result = Value(part.amount / share, part.money)
    return [f"{part.text} ÷ {Value(share, percent=True).text} = {result.text}"], result


_WAYS = r"(?P<way>change|increase|decrease|growth|drop|reduction|decline|rise|fall|discount)"
_GROWS = r"(?P<way>increase|decrease|change|grow|drop|rise|fall|decline)"
_FORMS: list[tuple[re.Pattern[str], _Solve]] = [
    (re.compile(pattern, re.IGNORECASE), solve)
    for pattern, solve in (
        (rf"(?:{_WHAT} )?{_PCT} (?:of )?(?P<b>.+?) is (?P<a>.+)", _part_of),
        (rf"{_WHAT}{_PCT} is (?P<a>.+?) (?:out )?of (?P<b>.+)", _part_of),
        (rf"(?P<a>.+?) is {_WHAT}{_PCT} of (?P<b>.+)", _part_of),
        (rf"(?P<a>.+?) (?:out of|of|over|/) (?P<b>.+?) (?:as a|in|to a) {_PCT.lstrip()}", _part_of),
        (rf"(?P<a>.+?) as a {_PCT} of (?P<b>.+)", _part_of),
        (rf"(?:the )?{_PCT} {_WAYS} (?:from|between) (?P<a>.+?) (?:to|and) (?P<b>.+)", _change),
        (rf"(?:by )?{_WHAT}{_PCT} (?:did|does|do) (?:it )?{_GROWS} from (?P<a>.+?) to (?P<b>.+)", _change),
        (rf"(?:the )?{_WAYS} in {_PCT} from (?P<a>.+?) to (?P<b>.+)", _change),
        (rf"(?P<p>[^%]+?){_PCT} {_MORE} (?P<b>.+)", _scaled(1)),
        (rf"(?P<p>[^%]+?){_PCT} {_LESS} (?P<b>.+)", _scaled(-1)),
        (rf"(?P<p>[^%]+?){_PCT} (?:off|discount on|discount off) (?:of )?(?P<b>.+)", _scaled(-1)),
        (rf"(?P<b>.+?) (?:with a |less a |minus a )?(?P<p>[\d.]+?){_PCT} (?:off|discount)", _scaled(-1)),
        (rf"(?:increase|raise) (?P<b>.+?) by (?P<p>[^%]+?){_PCT}", _scaled(1)),
        (rf"(?:decrease|reduce|lower) (?P<b>.+?) by (?P<p>[^%]+?){_PCT}", _scaled(-1)),
        (rf"(?P<b>.+?) (?:increased|raised) by (?P<p>[^%]+?){_PCT}", _scaled(1)),
        (rf"(?P<b>.+?) (?:decreased|reduced|lowered) by (?P<p>[^%]+?){_PCT}", _scaled(-1)),
        (rf"(?P<a>.+?) is (?P<p>[^%]+?){_PCT} of (?:what(?: number| amount)?|which number)", _whole_of),
    )
]
