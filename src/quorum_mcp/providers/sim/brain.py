"""What a simulated model says: one answer for every request, the same for the same seed, model and request."""

import re
from collections.abc import Callable
from fractions import Fraction

from quorum_mcp.codec import encode_text
from quorum_mcp.providers.sim.answers import Draft, draft, finished
from quorum_mcp.providers.sim.ask import LABEL, Ask
from quorum_mcp.providers.sim.fitting import Fitter
from quorum_mcp.providers.sim.judging import Json, equivalence, grouping, placing
from quorum_mcp.providers.sim.quoted import Quoted, take_apart
from quorum_mcp.providers.sim.reviews import attack, critique, defence
from quorum_mcp.providers.sim.writing import synthesis

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:/\d+)?")
_LARGEST = 2**53  # beyond it JSON readers lose digits
_JUDGEMENTS: tuple[tuple[str, Callable[[Quoted], Json]], ...] = (
    ('"positions":', grouping),
    ('"position":', placing),
    ('"same":', equivalence),
)


def think(ask: Ask) -> str:
    """The text of the answer; JSON where JSON was asked for."""
    prompt = ask.question
    quoted = take_apart(prompt)
    if quoted is not None:
        for mark, judge in _JUDGEMENTS:
            if mark in quoted.outside:
                return encode_text(judge(quoted))
    answer = _draft(ask, quoted)
    return finished(ask, answer) if ask.json is None else _as_json(ask, answer)


def _draft(ask: Ask, quoted: Quoted | None) -> Draft:
    if quoted is None:
        return draft(ask)
    if quoted.own is not None:
        return critique(ask, quoted)
    if "ATTACK" in quoted.answers:
        return defence(ask, quoted)
    if "EMERGING" in quoted.answers:
        return attack(ask, quoted)
    return synthesis(ask.question, quoted)


def _as_json(ask: Ask, answer: Draft) -> str:
    words = (ask.seed, ask.model.personality.name, ask.question)
    if not ask.json:
        value = {"answer": answer.conclusion or answer.text, "explanation": answer.text, "note": LABEL}
        return encode_text(value)
    text = answer.conclusion or answer.text
    return encode_text(Fitter(ask.json, text, _number(answer.conclusion), *words).value())


def _number(conclusion: str | None) -> float | None:
    match = _NUMBER.search(conclusion or "")
    if match is None:
        return None
    try:
        value = Fraction(match.group())
    except ZeroDivisionError:
        return None
    if abs(value) > _LARGEST:
        return None
    return int(value) if value.denominator == 1 else float(value)
