"""Takes the courtesies off a question: “Please tell me, what is 2 + 2?” asks for “2 + 2”."""

import re

from msgspec import Struct

from quorum_mcp.providers.builtin.arithmetic.tokens import plain_signs

_LEADS = re.compile(
    r"""^(?:
      (?:hi|hello|hey|please|so|ok|okay|well|now|quick\ question|question|q|calculate|compute|evaluate|simplify|solve
        |work\ out|figure\ out|find(?:\ out)?|determine|give|say|answer|tell|me|exactly|precisely)\b
      |(?:can|could|would|will)\ you\b|do\ you\ know\b|i\ (?:want|need|would\ like)\ to\ know\b
      |(?:what\ is|what's|whats|what\ are|what\ was|what\ will\ be|what\ does|what\ do|how\ much\ is|how\ much\ are)\b
      |(?:the\ )?(?:exact\ )?(?:value|result|answer)\ (?:of|to)\b
      |(?:the\ )?result\ when\b
      |[,:.!\s]
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_TRAILS = re.compile(
    r"""(?:
      [\s.?=:,]+
      |(?<!\w)(?:please|thanks|thank\ you|exactly|precisely|equal(?:s|\ to)?|in\ total|step\ by\ step|come\ to|make
        |show\ (?:your|the|all)\ (?:work|working|steps)|give\ the\ exact\ (?:value|answer|result))
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_PLACES = {
    "integer": 0, "whole number": 0, "unit": 0, "dollar": 0, "tenth": 1, "hundredth": 2, "cent": 2,
    "thousandth": 3, "ten": -1, "hundred": -2, "thousand": -3,
}  # fmt: skip
_COUNTS = {word: value for value, word in enumerate(("one", "two", "three", "four", "five", "six"), 1)}
_ROUND = re.compile(
    r"""[,\s]+(?:(?:and\ )?round(?:ed|ing)?(?:\ (?:it|the\ (?:result|answer)))?(?:\ off)?\ )?to\ (?:
      (?P<count>\d{1,2}|one|two|three|four|five|six)\ (?:decimal\ (?:places?|digits?|points?)|decimals?|d\.?p\.?)
      |the\ nearest\ (?P<unit>[a-z]+(?:\ number)?))[\s.?]*$""",
    re.IGNORECASE | re.VERBOSE,
)


_ORDINAL_POWER = re.compile(
    r"(?:raised )?to the (?P<n>\d+)(?:st|nd|rd|th)(?: power)?(?![\w-])", re.IGNORECASE
)


class Asked(Struct, frozen=True):
    """The core of a question, and how many decimal places the result is to be rounded to (None: exact)."""

    text: str
    places: int | None


def rephrase(question: str) -> Asked:
    """The core of a question: typographic signs, lead-in, courtesies and rounding taken off."""
    text = " ".join(plain_signs(question).replace("“", '"').replace("”", '"').split())
    text = _ORDINAL_POWER.sub(r"^ \g<n>", text)
    places = None
    if match := _ROUND.search(text):
        unit = (match["unit"] or "").lower()
        count = (match["count"] or "").lower()
        if count or unit in _PLACES:
            places = _PLACES[unit] if unit in _PLACES else _COUNTS.get(count) or int(count)
            text = text[: match.start()]
    return Asked(_strip(text), places)


def _strip(text: str) -> str:
    previous = None
    while text != previous:
        previous = text
        text = _TRAILS.sub("", text)
    previous = None
    while text != previous:
        previous = text
        text = _LEADS.sub("", text, count=1)
    return text.strip()
