"""What a simulated judge finds: only what the quoted texts show, and every quote is copied from them.

Positions: answers with equal conclusions, else with the same scripted position, else with mostly the same words.
Points: sentences that several answers share, or that one has alone.
"""

import re
from typing import Any

from quorum_mcp.providers.builtin.extract.terms import terms
from quorum_mcp.providers.sim.ask import LABEL
from quorum_mcp.providers.sim.opinions import POSITION
from quorum_mcp.providers.sim.quoted import Quoted, conclusion, positions

_ALIKE = 0.6
_LONGEST_QUOTE = 190
_MOST_POINTS = 12
_SENTENCE = re.compile(r"[^\n.!?]+[.!?]?")
Json = dict[str, Any]


def grouping(quoted: Quoted) -> Json:
    """Positions and points of the quoted answers, in the form that the judge's prompt asks for."""
    groups = _groups(quoted.answers)
    return {
        "positions": [{"summary": _stand(quoted.answers[labels[0]]), "members": labels} for labels in groups],
        "points": _points(quoted.answers, groups),
        "blind_spots": [],
    }


def placing(quoted: Quoted) -> Json:
    """The position that answer X takes, with its words; 0 for none."""
    text = quoted.answers.get("X", "")
    stand = _stand(text)
    for number, summary in enumerate(positions(quoted.outside), 1):
        if _alike(stand, summary):
            return {"position": number, "quote": stand}
    return {"position": 0, "quote": ""}


def equivalence(quoted: Quoted) -> Json:
    """Whether two conclusions are equal; unknown where they are no plain values."""
    first, second = (" ".join(text.split()).casefold().rstrip(".") for text in quoted.answers.values())
    if first == second:
        return {"same": True}
    plain = all(re.fullmatch(r"[-+$]?[\d.,/]+%?", text) for text in (first, second))
    return {"same": False if plain else None}


def _groups(answers: dict[str, str]) -> list[list[str]]:
    groups: list[list[str]] = []
    for label, text in answers.items():
        mine, stand = conclusion(text), _stand(text)
        for group in groups:
            first = answers[group[0]]
            theirs = conclusion(first)
            same = mine == theirs if mine and theirs else _alike(stand, _stand(first))
            if same:
                group.append(label)
                break
        else:
            groups.append([label])
    return sorted(groups, key=len, reverse=True)


def _points(answers: dict[str, str], groups: list[list[str]]) -> list[Json]:
    points: list[Json] = []
    if len(groups) > 1:
        sides = [(labels, _stand(answers[labels[0]])) for labels in groups]
        for labels, stand in sides:
            points.append(_point(stand, "disputed", labels, answers))
    said = {label: _sentences(text) for label, text in answers.items()}
    seen: set[str] = {point["text"] for point in points}
    for sentences in said.values():
        for sentence in sentences:
            if sentence in seen or sentence.startswith(POSITION):
                continue
            seen.add(sentence)
            members = [label for label, others in said.items() if sentence in others]
            status = (
                "agreed" if len(members) == len(answers) > 1 else "single" if len(members) == 1 else "partial"
            )
            points.append(_point(sentence, status, members, answers))
    rank = {"disputed": 0, "agreed": 1, "partial": 2, "single": 3}
    return sorted(points, key=lambda point: rank[point["status"]])[:_MOST_POINTS]


def _point(sentence: str, status: str, labels: list[str], answers: dict[str, str]) -> Json:
    quotes = [
        {"member": label, "quote": sentence[:_LONGEST_QUOTE]}
        for label in labels
        if sentence[:_LONGEST_QUOTE] in answers[label]
    ]
    return {"text": sentence, "status": status, "members": labels, "quotes": quotes}


def _sentences(text: str) -> list[str]:
    found = (match.group().strip() for match in _SENTENCE.finditer(text))
    return [s for s in found if len(s) > 12 and not s.startswith((LABEL, "CONCLUSION", "scripted, no"))]


def _stand(text: str) -> str:
    """The sentence that says where an answer stands: the scripted position, the conclusion, or the first one."""
    sentences = _sentences(text)
    scripted = next((s for s in sentences if s.startswith(POSITION)), None)
    return (
        scripted
        or conclusion(text)
        or (sentences[0] if sentences else " ".join(text.split())[:_LONGEST_QUOTE])
    )


def _alike(first: str, second: str) -> bool:
    a, b = set(terms(first)), set(terms(second))
    return bool(a | b) and len(a & b) / len(a | b) >= _ALIKE
