"""Reads the prompts of a deliberation: the question in them, and the answers that they quote."""

import re

from msgspec import Struct

_QUESTION = re.compile(
    r"^QUESTION:\n(?P<text>.*?)\n\n(?=[^\n]*(?:quoted as data|POSITIONS:))", re.DOTALL | re.MULTILINE
)
_FENCED = re.compile(
    r"^=====(?:ANSWER )?(?P<label>\w+)=====\n(?P<text>.*?)\n=====END (?P=label)=====$",
    re.DOTALL | re.MULTILINE,
)
_OWN = re.compile(r"\bAnswer (?P<label>[A-Z]{1,2}) is your own\b")
_CONCLUSION = re.compile(r"^\W*CONCLUSION\W*:\s*(?P<text>.+?)\s*$", re.MULTILINE)
_OBJECTION = re.compile(r"^OBJECTION (?P<number>\d+): (?P<text>.+)$", re.MULTILINE)
_POSITION = re.compile(r"^(?P<number>\d+): (?P<text>.+)$", re.MULTILINE)
_DECIDED = re.compile(r"^The panel decided: (?P<text>.+)$", re.MULTILINE)


class Quoted(Struct, frozen=True):
    """A deliberation's prompt taken apart: `answers` by label, `own` the reader's own label."""

    question: str
    answers: dict[str, str]
    own: str | None
    outside: str
    """The prompt without what it quotes."""


def take_apart(prompt: str) -> Quoted | None:
    """The parts of a prompt that quotes answers as data; None for an ordinary question."""
    answers = {match["label"]: match["text"] for match in _FENCED.finditer(prompt)}
    if not answers:
        return None
    outside = _FENCED.sub("", prompt)
    question = _QUESTION.search(prompt)
    own = _OWN.search(outside)
    return Quoted(question["text"] if question else "", answers, own["label"] if own else None, outside)


def conclusion(text: str) -> str | None:
    """The last `CONCLUSION:` line of an answer."""
    found = _CONCLUSION.findall(text)
    return found[-1] if found else None


def decided(prompt: str) -> str | None:
    """The conclusion that a writer is told to explain."""
    match = _DECIDED.search(prompt)
    return match["text"] if match else None


def objections(text: str) -> list[str]:
    """The numbered objections of an attack."""
    return [match["text"] for match in _OBJECTION.finditer(text)]


def positions(outside: str) -> list[str]:
    """The numbered positions that an answer is to be placed among."""
    listed = outside.partition("POSITIONS:\n")[2].partition("\n\n")[0]
    return [match["text"] for match in _POSITION.finditer(listed)]
