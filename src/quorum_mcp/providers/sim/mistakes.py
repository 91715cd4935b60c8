"""Wrong results that look like slips: another digit, a neighbour, a flipped yes."""

import re

from quorum_mcp.providers.sim.chance import pick, roll

_NUMBER = re.compile(r"\d+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FLIPPED = {"yes": "no", "no": "yes", "they are equal": "they are not equal"}


def mistaken(conclusion: str, *words: object) -> str:
    """A conclusion of the same form as `conclusion` that is not it, by the words."""
    if conclusion in _FLIPPED:
        return _FLIPPED[conclusion]
    if conclusion in _WEEK:
        return pick([day for day in _WEEK if day != conclusion], *words)
    if _DATE.fullmatch(conclusion):
        day = pick([day for day in range(1, 29) if day != int(conclusion[8:])], *words)
        return f"{conclusion[:8]}{day:02d}"
    slip = _NUMBER.search(conclusion)
    if slip is None:
        return f"not {conclusion}"
    return conclusion[: slip.start()] + _slipped(slip.group(), *words) + conclusion[slip.end() :]


def _slipped(digits: str, *words: object) -> str:
    """The number one or ten off, or with two digits swapped; never the same, never with a new leading zero."""
    value = int(digits)
    candidates = [value + 1, value - 1, value + 10, value - 10]
    if len(digits) > 1:
        at = int(roll(*words, "swap") * (len(digits) - 1))
        swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        candidates.append(int(swapped) if swapped[0] != "0" else value)
    usable = [
        number for number in candidates if number > 0 and number != value and len(str(number)) == len(digits)
    ]
    return str(pick(usable or [value + 1], *words, "slip"))
