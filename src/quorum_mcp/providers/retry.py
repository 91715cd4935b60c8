"""When a provider says to come back, in all the ways providers say it."""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import isfinite

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_IN_TEXT = re.compile(r"(?i)(?:try again|retry)\s+(?:in|after)\s+((?:\d+(?:\.\d+)?\s*(?:ms|s|m|h)\b\s*)+)")
_RESET = re.compile(r"(?:x|anthropic)-ratelimit-(?:reset(?:-(\w+))?|([\w-]+?)-reset)$")


def duration(text: str) -> float | None:
    """Seconds of `1s`, `6m0s`, `120ms`, `1.5s` or a bare number."""
    text = text.strip().replace(" ", "")
    try:
        number = float(text)
        return number if isfinite(number) else None
    except ValueError:
        pass
    found = _DURATION.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in found)


def retry_after(
    headers: Mapping[str, str], message: str = "", *, limited: bool = True, now: float | None = None
) -> float | None:
    """Seconds to wait, as an answer's headers (names in lower case) or its message say.

    `retry-after-ms` is the most exact and comes first, then `Retry-After` (seconds or an HTTP date), then
    the words of the message, then the reset of the limits that are used up (`x-ratelimit-reset…`,
    `anthropic-ratelimit-…-reset`). Vendors send the last with every answer, so they count only where
    the answer is about a limit (`limited`).
    """
    now = time.time() if now is None else now
    if (exact := duration(headers.get("retry-after-ms", ""))) is not None:
        return max(0.0, exact / 1000)
    if value := headers.get("retry-after"):
        wait = moment(value, now)
        if wait is not None:
            return wait
    if match := _IN_TEXT.search(message):
        return duration(match[1])
    resets: dict[str, float] = {}
    for name, value in headers.items() if limited else ():
        if (match := _RESET.match(name)) and (wait := moment(value, now)) is not None:
            resets[match[1] or match[2] or ""] = wait
    if resets:
        spent = [wait for limit, wait in resets.items() if _remaining(headers, limit) == 0]
        return max(spent or resets.values())
    return None


def _remaining(headers: Mapping[str, str], limit: str) -> float | None:
    names = (
        f"x-ratelimit-remaining-{limit}",
        f"anthropic-ratelimit-{limit}-remaining",
        "x-ratelimit-remaining",
    )
    value = next((headers[name] for name in names if name in headers), None)
    return None if value is None else duration(value)


def moment(value: str, now: float) -> float | None:
    """Seconds from `now` to a duration, a Unix time in seconds or milliseconds, or a date."""
    seconds = duration(value)
    if seconds is not None:
        # A wait of thirty years is a time stamp: 1e9 is 2001 in seconds, 1e11 is 1973 in milliseconds.
        if seconds > 1e11:
            return max(0.0, seconds / 1000 - now)
        return max(0.0, seconds - now) if seconds > 1e9 else max(0.0, seconds)
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return max(0.0, parse(value).timestamp() - now)
        except ValueError:
            continue
    return None
