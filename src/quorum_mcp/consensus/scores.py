"""Scores in a model's answer: lines `SCORE <letter> <criterion> <score>`."""

import re

_LINE = re.compile(
    r"^\W*SCORE\W+([A-Z])\W+(\d{1,2})\b\D{0,60}?(\d{1,2}(?:\.\d+)?)\s*(?:/\s*10)?\W*$",
    re.MULTILINE | re.IGNORECASE,
)
LEAST, MOST = 1.0, 10.0


def scores(text: str, *, options: int, criteria: int) -> dict[tuple[int, int], float]:
    """Scores by (option, criterion), both counted from 0; the last one counts where a pair stands there twice.

    What names no option or criterion, or is no score from 1 to 10, is left out.
    """
    found: dict[tuple[int, int], float] = {}
    for letter, number, score in _LINE.findall(text):
        option, criterion, value = ord(letter.upper()) - ord("A"), int(number) - 1, float(score)
        if 0 <= option < options and 0 <= criterion < criteria and LEAST <= value <= MOST:
            found[option, criterion] = value
    return found
