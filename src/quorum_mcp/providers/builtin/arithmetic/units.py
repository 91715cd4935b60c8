"""Questions that convert a quantity to another unit, or add two quantities."""

import re
from collections.abc import Iterator
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.evaluate import Evaluation
from quorum_mcp.providers.builtin.arithmetic.parse import parse
from quorum_mcp.providers.builtin.arithmetic.show import (
    bounded,
    decimal_places,
    fixed,
    relation,
    show,
    show_decimal,
)
from quorum_mcp.providers.builtin.arithmetic.solution import Solution
from quorum_mcp.providers.builtin.arithmetic.unit_table import AMBIGUOUS, Unit, units_named

Quantity = tuple[Fraction, Unit]

_HOW_MANY = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"how many (?P<to>[^\d]+?) (?:are there in|are there|are in|is in|in|make up|make|are|is|equal|per) (?P<from>.+?)",
        r"how many (?P<to>[^\d]+?) (?:does|do) (?P<from>.+?) (?:have|contain|equal|make)",
        r"(?P<from>.+?) (?:is|are|equals?) how many (?P<to>[^\d]+)",
        r"how (?:long|far|heavy|much|fast|hot|cold) (?:is|are) (?P<from>.+?) in (?P<to>[^\d]+)",
    )
]
_CONVERT = re.compile(r"^(?:convert|change|express|write) ", re.IGNORECASE)
_TO = re.compile(r" (?=(?:expressed in|converted to|in|to|into|as) ([^\d]+)$)", re.IGNORECASE)
_SUM = re.compile(r"(?P<a>.+?) (?P<sign>\+|plus|-|minus) (?P<b>.+?)(?: in (?P<to>[^\d]+))?", re.IGNORECASE)
_FIXED_DIMENSIONS = {"length", "mass", "time", "volume", "area", "data", "months"}


def units(text: str, places: int | None) -> Solution | None:
    """The solution of a conversion or of a sum of quantities; None when `text` is none."""
    for source, target in _conversions(text):
        quantity = _quantities(source)
        if quantity and target.lower() in AMBIGUOUS:
            raise Abstain(AMBIGUOUS[target.lower()])
        if quantity and (targets := _targets(target)):
            return _convert(quantity, targets, places)
    if match := _SUM.fullmatch(text):
        a, b = _quantities(match["a"]), _quantities(match["b"])
        if a and b:
            return _add(a, b, match["sign"] in ("-", "minus"), _targets(match["to"] or ""), places)
    return None


def _conversions(text: str) -> Iterator[tuple[str, str]]:
    """Every way to read `text` as (quantity, unit); “5 ft 11 in in cm” has more than one place to cut."""
    for pattern in _HOW_MANY:
        if match := pattern.fullmatch(text):
            yield match["from"], match["to"]
    text = _CONVERT.sub("", text)
    for cut in _TO.finditer(text):
        yield text[: cut.start()], cut[1]


def _targets(text: str) -> list[Unit]:
    return units_named(re.sub(r"^(?:the |a |an |total )", "", text.strip(), flags=re.IGNORECASE))


def _quantities(text: str) -> list[Quantity]:
    """Every reading of “5 miles”, “3 hours and 20 minutes” or “an hour”; none when it is no quantity."""
    text = text.strip()
    pieces = [piece for piece in re.split(r",? and (?=\d)|, (?=\d)", text) if piece] or [text]
    if len(pieces) == 1:
        pieces = _split_compound(text)
    readings: list[Quantity] = _simple(pieces[0])
    for piece in pieces[1:]:
        more = _simple(piece)
        readings = [
            (value + other * unit.factor / first.factor, first)
            for value, first in readings
            for other, unit in more
            if unit.dimension == first.dimension and unit.factor < first.factor and first.offset == 0
        ]
    return readings


def _split_compound(text: str) -> list[str]:
    """“5 ft 11 in” in its pieces: a break before every number that follows a word."""
    return re.split(r"(?<=[a-zA-Z])\s+(?=\d)", text)


def _simple(text: str) -> list[Quantity]:
    words = re.sub(r"(?<=\d)(?=[a-zA-Zµ°])", " ", text.strip()).split()
    for count in range(min(3, len(words)), 0, -1):
        name = " ".join(words[-count:])
        if name.lower() in AMBIGUOUS:
            raise Abstain(AMBIGUOUS[name.lower()])
        if (found := units_named(name)) and (value := _number(" ".join(words[:-count]))) is not None:
            return [(value, unit) for unit in found]
    return []


def _number(text: str) -> Fraction | None:
    if text.lower() in ("a", "an", "one", "each", "every", ""):
        return Fraction(1) if text else None
    text = re.sub(r"\b(?:of )?an?$|\bof$", "", text, flags=re.IGNORECASE).strip()
    text = re.sub(r"\bdegrees?$", "", text, flags=re.IGNORECASE).strip()
    try:
        value = Evaluation().value(parse(text))
    except Abstain:
        return None
    return None if value.money or value.percent else value.amount


def _convert(quantities: list[Quantity], targets: list[Unit], places: int | None) -> Solution:
    pairs = [(q, t) for q in quantities for t in targets if q[1].dimension == t.dimension]
    if not pairs:
        (_, unit), target = quantities[0], targets[0]
        if {unit.dimension, target.dimension} == {"time", "months"}:
            raise Abstain("months and years have no fixed number of days")
        raise Abstain(
            f"{unit.plural} measure {unit.dimension} and {target.plural} measure {target.dimension}"
        )
    (value, unit), target = pairs[0]
    result = bounded((value * unit.factor + unit.offset - target.offset) / target.factor)
    if target.dimension == "temperature" and value * unit.factor + unit.offset < 0:
        raise Abstain("that temperature is below absolute zero")
    steps = [*_notes(unit, target)]
    if unit.offset == target.offset == 0 and value != 1:
        ratio = unit.factor / target.factor
        steps.append(f"1 {unit.name} {relation(ratio)} {show_decimal(ratio)} {target.plural}")
    return _shown(steps, f"{show(value)} {_name(value, unit)}", result, target, places)


def _shown(steps: list[str], left: str, result: Fraction, target: Unit, places: int | None) -> Solution:
    if places is not None and decimal_places(result) != places:
        text = fixed(result, max(places, 0))
        return Solution((*steps, f"{left} ≈ {text} {target.plural} (rounded)"), f"{text} {target.plural}")
    text = show_decimal(result)
    exact = (
        "" if decimal_places(result) is not None else f" (exactly {result.numerator}/{result.denominator})"
    )
    step = f"{left} {relation(result)} {text} {_name(result, target)}{exact if len(exact) < 60 else ''}"
    return Solution((*steps, step), f"{text} {_name(result, target)}")


def _add(
    a: list[Quantity], b: list[Quantity], minus: bool, targets: list[Unit], places: int | None
) -> Solution:
    for value, unit in a:
        for other, second in b:
            if unit.dimension == second.dimension and unit.dimension in _FIXED_DIMENSIONS:
                target = next(
                    (t for t in targets if t.dimension == unit.dimension), min(unit, second, key=_factor)
                )
                total = value * unit.factor + (-1 if minus else 1) * other * second.factor
                left = f"{show(value)} {_name(value, unit)} {'-' if minus else '+'} {show(other)} {_name(other, second)}"
                return _shown(
                    _notes(unit, second, target), left, bounded(total / target.factor), target, places
                )
    raise Abstain("those two quantities cannot be added")


def _factor(unit: Unit) -> Fraction:
    return unit.factor


def _name(value: Fraction, unit: Unit) -> str:
    return unit.name if value == 1 else unit.plural


def _notes(*used: Unit) -> list[str]:
    notes = list(dict.fromkeys(unit.note for unit in used if unit.note))
    return [f"({'; '.join(notes)})"] if notes else []
