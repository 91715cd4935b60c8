"""Questions about dates: the days between two, the day of the week, a date some days away, leap years."""

import re
from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import date

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.calendar_dates import (
    DAYS,
    MONTH,
    MONTHS,
    month_number,
    move,
    read_date,
    show_date,
)
from quorum_mcp.providers.builtin.arithmetic.evaluate import Evaluation
from quorum_mcp.providers.builtin.arithmetic.functions import whole
from quorum_mcp.providers.builtin.arithmetic.parse import parse
from quorum_mcp.providers.builtin.arithmetic.solution import Solution

_MAX_COUNT = 4_000_000


def dates(text: str) -> Solution | None:
    """The solution of a question about dates; None when `text` is none."""
    for pattern, solve in _FORMS:
        if (match := pattern.fullmatch(text)) and (solution := solve(match)):
            return solution
    return None


def _between(match: re.Match[str]) -> Solution | None:
    start, end = read_date(match["a"]), read_date(match["b"])
    if start is None or end is None:
        return None
    days = abs((end - start).days)
    unit = match["unit"].lower().rstrip("s")
    step = f"from {start.isoformat()} to {end.isoformat()} it is {days} days"
    if unit == "week":
        weeks, rest = divmod(days, 7)
        if rest:
            return Solution((f"{step}, {weeks} weeks and {rest} days",), f"{weeks} weeks and {rest} days")
        return Solution((step,), f"{weeks} weeks")
    return Solution((step,), f"{days} day{'' if days == 1 else 's'}")


def _weekday(match: re.Match[str]) -> Solution | None:
    day = read_date(match["a"])
    if day is None:
        return None
    return Solution((f"{day.isoformat()} in the Gregorian calendar: {show_date(day)}",), DAYS[day.weekday()])


def _away(match: re.Match[str]) -> Solution | None:
    start = read_date(match["a"])
    if start is None:
        return None
    count = whole(Evaluation().value(parse(match["n"])).amount)
    if abs(count) > _MAX_COUNT:
        raise Abstain("that date is outside of the years 1 to 9999")
    back = match["way"].lower() in ("before", "minus", "-", "prior to", "earlier than")
    day = move(start, -count if back else count, match["unit"].lower().rstrip("s"))
    way = "before" if back else "after"
    step = f"{count} {match['unit'].lower()} {way} {start.isoformat()} is {show_date(day)}"
    wants_weekday = "day of" in (match.groupdict().get("what") or "").lower()
    return Solution((step,), DAYS[day.weekday()] if wants_weekday else day.isoformat())


def _leap(match: re.Match[str]) -> Solution:
    year = int(match["a"])
    rule = "400" if year % 400 == 0 else "100" if year % 100 == 0 else "4"
    divides = "is divisible by" if year % 4 == 0 else "is not divisible by"
    return Solution((f"{year} {divides} {rule}",), "yes" if isleap(year) else "no")


def _days_in_year(match: re.Match[str]) -> Solution:
    year = int(match["a"])
    days = 366 if isleap(year) else 365
    return Solution((f"{year} is {'a' if days == 366 else 'not a'} leap year",), f"{days} days")


def _days_in_month(match: re.Match[str]) -> Solution:
    month = month_number(match["m"])
    name = MONTHS[month - 1].title()
    if match["a"] is None:
        if month == 2:
            raise Abstain("February has 28 or 29 days, and the question names no year")
        return Solution((f"{name} has a fixed length",), f"{monthrange(2001, month)[1]} days")
    days = monthrange(int(match["a"]), month)[1]
    return Solution((f"{name} {match['a']} has {days} days",), f"{days} days")


def _leap_year_days(match: re.Match[str]) -> Solution:
    days = 365 if match["not"] else 366
    return Solution((f"{match['what']} has {days} days",), f"{days} days")


def _day_of_year(match: re.Match[str]) -> Solution | None:
    day: date | None = read_date(match["a"])
    if day is None:
        return None
    number = day.timetuple().tm_yday
    return Solution((f"{day.isoformat()} is day {number} of {day.year}",), str(number))


_UNIT = r"(?P<unit>days?|weeks?|months?|years?)"
_HOW_MANY = r"(?:how many |number of |calendar )*(?P<unit>days|weeks)(?: are| were| is| there| passed| pass| elapsed)*"
_OF_WEEK = r"(?:day|weekday)(?: of (?:the )?week)?"
_DATE_OF = r"(?P<what>(?:(?:on )?(?:what|which) )?(?:day of (?:the )?week|date|day)(?: is| was| will be| will it be| falls| comes)?(?: it)? )?"
_ARE_THERE = r"(?: are there| are| were| were there| did| does| in)*(?: the year)?"
_LINK = r"(?: is| was| of| for| on| will| does| did| it| be| fall| fell| falls)*"
_Solve = Callable[[re.Match[str]], Solution | None]
_QUESTIONS: tuple[tuple[_Solve, tuple[str, ...]], ...] = (
    (_between, (
        rf"{_HOW_MANY} (?:between|from) (?:the dates )?(?P<a>.+?) (?:and|to|until|till|through) (?P<b>.+)",
    )),
    (_weekday, (
        rf"(?:what|which)(?: is| was)?(?: the)? {_OF_WEEK}{_LINK} (?P<a>.+?)(?: (?:fall|be|land)(?: on)?)?",
        rf"(?:the )?(?:day of (?:the )?week|weekday){_LINK} (?P<a>.+)",
    )),
    (_away, (
        rf"(?:the )?{_DATE_OF}(?:of )?(?P<n>.+?) {_UNIT} (?P<way>after|before|from|past|prior to|later than|earlier than) (?P<a>.+)",
        rf"(?:the )?{_DATE_OF}(?P<a>.+?) (?P<way>plus|minus|\+|-) (?P<n>.+?) {_UNIT}",
    )),
    (_leap, (r"(?:is|was|will)(?: the year)? (?P<a>\d{4})(?: be)? a leap year",)),
    (_days_in_year, (rf"how many days{_ARE_THERE} (?P<a>\d{{4}})(?: have)?",)),
    (_days_in_month, (rf"how many days{_ARE_THERE} (?P<m>{MONTH})(?:,? (?:of )?(?P<a>\d{{4}}))?(?: have)?",)),
    (_leap_year_days, (rf"how many days{_ARE_THERE} (?P<what>a (?:(?P<not>non-?leap|common)|leap) year)(?: have)?",)),
    (_day_of_year, (r"(?:what |which )?day of the year(?: is| was| of| for)? (?P<a>.+)",)),
)  # fmt: skip
_FORMS = [
    (re.compile(pattern, re.IGNORECASE), solve) for solve, patterns in _QUESTIONS for pattern in patterns
]
