"""Calendar dates in the common spellings."""

import re
from datetime import date

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_NAME = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:T[\d:.]+Z?)?")
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")
_DAY_FIRST = re.compile(rf"(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_NAME},?\s+(\d{{4}})", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"{_NAME}\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})", re.IGNORECASE)
_YEARLESS = re.compile(
    rf"(?:{_NAME}\s+(\d{{1,2}})(?:st|nd|rd|th)?|(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_NAME})",
    re.IGNORECASE,
)
_MONTH_ONLY = re.compile(rf"{_NAME},?\s+(\d{{4}})", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:on\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+", re.IGNORECASE)
PART = re.compile(
    rf"\b(?:\d{{4}}-\d{{2}}-\d{{2}}|{_NAME}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_NAME},?\s+\d{{4}})\b",
    re.IGNORECASE,
)
"""A full date inside a text."""


def _month(name: str) -> int:
    return next(i for i, full in enumerate(_MONTHS, 1) if full.startswith(name.lower()[:3]))


def parse(text: str) -> str | None:
    """The ISO form of a text that is one date (2024-03-03, 2024-03 or --03-03 without a year), else None.

    Dates of digits and slashes that start with day or month are ambiguous and not read.
    """
    text = text.strip(" .,")
    if not 4 < len(text) < 45:
        return None
    text = _WEEKDAY.sub("", text, count=1)
    if found := _ISO.fullmatch(text) or _SLASHED.fullmatch(text):
        return _valid(int(found[1]), int(found[2]), int(found[3]))
    if found := _DAY_FIRST.fullmatch(text):
        return _valid(int(found[3]), _month(found[2]), int(found[1]))
    if found := _MONTH_FIRST.fullmatch(text):
        return _valid(int(found[3]), _month(found[1]), int(found[2]))
    if found := _MONTH_ONLY.fullmatch(text):
        return f"{found[2]}-{_month(found[1]):02}"
    if found := _YEARLESS.fullmatch(text):
        known = _valid(2000, _month(found[1] or found[4]), int(found[2] or found[3]))
        return known and "-" + known[4:]
    return None


def _valid(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
