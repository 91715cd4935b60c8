"""The door of the solver: a question in, a solution out, or an abstention that says why."""

import re
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.dates import dates
from quorum_mcp.providers.builtin.arithmetic.evaluate import Evaluation, Value
from quorum_mcp.providers.builtin.arithmetic.functions import Irrational
from quorum_mcp.providers.builtin.arithmetic.parse import parse
from quorum_mcp.providers.builtin.arithmetic.percent import percent
from quorum_mcp.providers.builtin.arithmetic.relations import relation
from quorum_mcp.providers.builtin.arithmetic.rephrase import rephrase
from quorum_mcp.providers.builtin.arithmetic.show import (
    decimal_places,
    fixed,
    is_plain,
    rounded,
    show_decimal,
)
from quorum_mcp.providers.builtin.arithmetic.solution import Solution
from quorum_mcp.providers.builtin.arithmetic.tokens import MAX_CHARACTERS
from quorum_mcp.providers.builtin.arithmetic.tree import Call, Node
from quorum_mcp.providers.builtin.arithmetic.units import units
from quorum_mcp.providers.builtin.arithmetic.words import PARTS, SCALES, SMALL

_MAX_STEPS = 8
_AS = re.compile(
    r" (?:as|to|in|into) an? (?P<form>decimal|fraction|%|percent(?:age)?|per cent)(?: number)?$",
    re.IGNORECASE,
)
_NUMBER_WORDS = SMALL.keys() | SCALES.keys() | PARTS.keys() | {"hundred", "twice", "double", "leap"}


def solve(question: str) -> Solution:
    """The exact solution of `question`.

    Raises:
        Abstain: when the question is not wholly understood, has no exact answer or is too large; every word
            of a question must have a meaning for it to be answered, so nothing is guessed.
    """
    if len(question) > MAX_CHARACTERS:
        raise Abstain(
            f"the question is longer than {MAX_CHARACTERS} characters, which is no plain calculation"
        )
    asked = rephrase(question)
    text = asked.text
    if not _has_numbers(text):
        raise Abstain("there is nothing to compute in the question")
    if question.rstrip().endswith("!") and not re.fullmatch(r"[\d,]+!", text):
        raise Abstain("the exclamation mark at the end can be a factorial")
    for form in (dates, relation):
        if solution := form(text):
            return solution
    if worked := percent(text):
        steps, value = worked
        return _conclude(steps, value, asked.places)
    if solution := units(text, asked.places):
        return solution
    return _expression(text, asked.places)


def _has_numbers(text: str) -> bool:
    words = set(re.findall(r"[a-z]+|\d", text.lower()))
    return any(word.isdigit() for word in words) or bool(_NUMBER_WORDS & words) or {"how", "many"} <= words


def _expression(text: str, places: int | None) -> Solution:
    form = ""
    if match := _AS.search(text):
        form, text = match["form"].lower(), text[: match.start()]
    tree = parse(text)
    evaluation = Evaluation()
    try:
        value = evaluation.value(tree)
    except Irrational as root:
        if not _is_lone_root(tree) or places is not None or form:
            raise
        return Solution((f"{text} is irrational; rounded to 12 significant digits:",), root.rounded)
    if form:
        return _in_form(value, form, places)
    return _conclude(evaluation.steps or [f"{text} = {value.text}"], value, places)


def _is_lone_root(tree: Node) -> bool:
    return isinstance(tree, Call) and tree.name in ("sqrt", "cbrt")


def _in_form(value: Value, form: str, places: int | None) -> Solution:
    if value.money:
        raise Abstain("I convert only plain numbers to that form")
    if form == "fraction":
        written = f"{value.amount.numerator}/{value.amount.denominator}"
        text = written if value.amount.denominator != 1 else str(value.amount.numerator)
        return Solution((f"{value.text} = {text}",), text)
    percentage = form != "decimal"
    amount = value.amount * 100 if percentage else value.amount
    return _decimal(value.text, amount, "%" if percentage else "", places)


def _decimal(left: str, amount: Fraction, suffix: str, places: int | None) -> Solution:
    text = show_decimal(amount) if places is None else fixed(amount, places)
    exact = decimal_places(amount) is not None and places is None
    note = "" if exact else " (rounded)"
    return Solution((f"{left} {'=' if exact else '≈'} {text}{suffix}{note}",), f"{text}{suffix}")


def _conclude(steps: list[str], value: Value, places: int | None) -> Solution:
    shown = steps if len(steps) <= _MAX_STEPS else [*steps[: _MAX_STEPS - 1], "…", steps[-1]]
    amount = value.amount * 100 if value.percent else value.amount
    if places is not None:
        text = _rounded_to(amount, places)
        final = f"{text}%" if value.percent else f"${text}".replace("$-", "-$") if value.money else text
        return Solution((*shown, f"rounded: {final}"), final)
    if is_plain(amount) and not (value.money and decimal_places(amount) is None):
        if decimal_places(amount) is None:
            shown = [*shown, f"{value.text} ≈ {rounded(amount)}{'%' if value.percent else ''}"]
        return Solution(tuple(shown), value.text)
    if value.money:
        cents = fixed(amount, 2)
        final = f"${cents}".replace("$-", "-$")
        return Solution((*shown, "rounded to the cent"), final)
    return Solution((*shown, "rounded to 12 significant digits"), value.text)


def _rounded_to(amount: Fraction, places: int) -> str:
    if places >= 0:
        return fixed(amount, places)
    return str(int(fixed(amount / 10**-places, 0)) * 10**-places)
