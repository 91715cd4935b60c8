"""An open question: three reviews of a design, and judges of different honesty."""

import json
import re

from tests.support.script import Asked

QUESTION = "How should we store the orders of our shop? Please review the plan to use one big JSON file."
REVIEWS = {
    "a": "Use a relational database for the orders. Transactions keep stock and payments consistent. "
    "A JSON file cannot be written by two processes at once.",
    "b": "I would take a relational database as well. Constraints catch wrong data early. "
    "A JSON file cannot be written by two processes at once.",
    "c": "Stay with the JSON file for now. It is simple, and the shop has ten orders a day. "
    "Backups are a plain copy of one file.",
}
FENCE = re.compile(r"=====ANSWER (\w+)=====\n(.*?)\n=====END \1=====", re.DOTALL)


def quoted_answers(prompt: str) -> dict[str, str]:
    """The answers that a prompt quotes, by their labels, in the prompt's order."""
    return dict(FENCE.findall(prompt))


def honest(asked: Asked) -> str:
    """A judge that groups these reviews rightly, whatever labels and order it gets."""
    answers = quoted_answers(asked.prompt)
    sides = {label: "database" if "database" in text else "JSON" for label, text in answers.items()}
    positions = [
        {"summary": f"Use the {side}", "members": [label for label in answers if sides[label] == side]}
        for side in ("database", "JSON")
        if side in sides.values()
    ]
    return json.dumps(
        {"positions": positions, "points": points(answers), "blind_spots": ["Nobody asks who reads."]}
    )


def points(answers: dict[str, str]) -> list[dict[str, object]]:
    """Every sentence as a point of those who say it."""
    sentences: dict[str, list[str]] = {}
    for label, text in answers.items():
        for sentence in text.rstrip(".").split(". "):
            sentences.setdefault(sentence, []).append(label)
    return [
        {
            "text": sentence,
            "status": "partial",
            "members": labels,
            "quotes": [{"member": label, "quote": sentence} for label in labels],
        }
        for sentence, labels in sentences.items()
    ]


def placing(position: int) -> str:
    """A judge that places every answer at `position`, with a quote of its last words."""
    return json.dumps({"position": position, "quote": "file"})
