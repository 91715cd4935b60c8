"""What an answer's headers tell of the provider's limits; anything that cannot be true is not there."""

import time
from collections.abc import Mapping

from quorum_mcp.answers import ProviderLimits
from quorum_mcp.providers.retry import moment

_NAMES = {
    "requests": (
        ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-limit-req-minute", "x-ratelimit-remaining-req-minute", "x-ratelimit-reset-req-minute"),
        (
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ),
    ),
    "tokens": (
        ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        (
            "x-ratelimit-limit-tokens-minute",
            "x-ratelimit-remaining-tokens-minute",
            "x-ratelimit-reset-tokens-minute",
        ),
        (
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ),
    ),
}
MOST = 10**9
"""A count above it is a mistake."""
FULL_AGAIN = 55.0
"""A bucket that refills over a minute and is empty is full again after 60 s: a reset that comes clearly sooner is
the end of a window in which nothing more is let in."""


def told_limits(headers: Mapping[str, str]) -> ProviderLimits | None:
    """The limits per minute that the headers (names in lower case) tell; None where they tell nothing."""
    if "ratelimit" not in " ".join(headers).lower():
        return None
    requests = _one(headers, "requests")
    tokens = _one(headers, "tokens")
    if requests is None and tokens is None:
        return None
    nothing = (None, None, 0.0)
    of_requests, of_tokens = requests or nothing, tokens or nothing
    return ProviderLimits(
        at=time.monotonic(),
        requests=of_requests[0],
        tokens=of_tokens[0],
        requests_left=of_requests[1],
        tokens_left=of_tokens[1],
        blocked=max(of_requests[2], of_tokens[2]),
    )


def _one(headers: Mapping[str, str], what: str) -> tuple[int | None, int | None, float] | None:
    """Limit, what is left of it, and seconds to wait, by whichever names the vendor uses."""
    for limit_name, left_name, reset_name in _NAMES[what]:
        limit, left = _count(headers.get(limit_name), 1), _count(headers.get(left_name), 0)
        if limit is None and left is None:
            continue
        reset = moment(headers.get(reset_name, ""), time.time()) if left == 0 else None
        wait = reset if reset is not None and reset < FULL_AGAIN else 0.0
        return limit, left, wait
    return None


def _count(text: str | None, least: int) -> int | None:
    text = (text or "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        return None
    return number if least <= (number := int(text)) <= MOST else None
