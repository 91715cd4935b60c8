"""Dates as people write them, and moving along the calendar."""

import re
from calendar import monthrange
from datetime import date, timedelta

from quorum_mcp.providers.builtin.abstain import Abstain

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAME = "|".join(rf"{month[:3]}(?:{month[3:]})?" if month != "may" else "may" for month in MONTHS)
MONTH = rf"(?:{_NAME}|sept)\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = rf"(?:(?:{'|'.join(DAYS)}),? )?"
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_MONTH_FIRST = re.compile(rf"{_WEEKDAY}({MONTH}) (?:the )?{_DAY}(?:,? ?|,? of )(\d{{4}})", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"{_WEEKDAY}(?:the )?{_DAY}(?: of)?[ -]({MONTH}),?[ -](\d{{4}})", re.IGNORECASE)
_NUMERIC = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_NO_YEAR = re.compile(
    rf"{_WEEKDAY}(?:({MONTH}) (?:the )?{_DAY}|(?:the )?{_DAY}(?: of)? ({MONTH}))", re.IGNORECASE
)
_RELATIVE = re.compile(r"today|tomorrow|yesterday|now|next \w+|last \w+|this \w+|christmas.*", re.IGNORECASE)


def read_date(text: str) -> date | None:
    """The date that `text` is, or None; abstains where it could be several dates."""
    text = re.sub(r"^the (?=\D*\d)", "", text.strip(), flags=re.IGNORECASE)
    if match := _ISO.fullmatch(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _MONTH_FIRST.fullmatch(text):
        return _date(int(match[3]), month_number(match[1]), int(match[2]))
    if match := _DAY_FIRST.fullmatch(text):
        return _date(int(match[3]), month_number(match[2]), int(match[1]))
    if match := _NUMERIC.fullmatch(text):
        return _numeric(int(match[1]), int(match[2]), int(match[3]))
    if _NO_YEAR.fullmatch(text):
        raise Abstain(f"“{text}” has no year")
    if _RELATIVE.fullmatch(text):
        raise Abstain(f"“{text}” depends on the day of asking, and I do not look at the clock")
    return None


def month_number(name: str) -> int:
    """1 for January (“jan”, “Jan.”), and so on."""
    return next(at for at, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))


def _numeric(first: int, second: int, year: int) -> date:
    if first > 12:
        return _date(year, second, first)
    if second > 12 or first == second:
        return _date(year, first, second)
    raise Abstain(f"{first}/{second}/{year} can be two dates; write it as YYYY-MM-DD")


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise Abstain(f"{year:04d}-{month:02d}-{day:02d} is not a date of the calendar") from None


def move(start: date, count: int, unit: str) -> date:
    """`start` moved by days, weeks, months or years; abstains where the day does not exist or is out of range."""
    try:
        if unit == "day":
            return start + timedelta(days=count)
        if unit == "week":
            return start + timedelta(weeks=count)
        months = start.year * 12 + start.month - 1 + count * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        if start.day > monthrange(year, month + 1)[1]:
            raise Abstain(
                f"{MONTHS[month].title()} {year} has no day {start.day}, so where it ends is a convention"
            )
        return date(year, month + 1, start.day)
    except (OverflowError, ValueError):
        raise Abstain("that date is outside of the years 1 to 9999") from None


def show_date(day: date) -> str:
    """A date for people, with its day of the week and in ISO form."""
    return f"{DAYS[day.weekday()]}, {MONTHS[day.month - 1].title()} {day.day}, {day.year}"
