"""The headers that tell a caller of its own limits, under the names that clients of model APIs know."""

from math import inf

from quorum_mcp.access.principal import Principal
from quorum_mcp.calls.limits import Limits

REQUESTS = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
TOKENS = ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")


def rate_headers(limits: Limits, principal: Principal) -> dict[str, str]:
    """`x-ratelimit-…` of requests and tokens, each of the caller's limit with least left; none without limits."""
    requests, tokens = (inf, 0.0), (inf, 0.0)
    for limit, level in limits.of_caller(principal.tenant, principal.key):
        if limit.requests is not None and level.requests < requests[0]:
            requests = level.requests, limit.requests
        if limit.tokens is not None and level.tokens < tokens[0]:
            tokens = level.tokens, limit.tokens
    headers: dict[str, str] = {}
    if requests[1]:
        _add(headers, REQUESTS, *requests)
    if tokens[1]:
        _add(headers, TOKENS, *tokens)
    return headers


def _add(headers: dict[str, str], names: tuple[str, str, str], left: float, limit: float) -> None:
    """What there is per minute, what may be used of it now, and when all of it may be again, as `1.5s`."""
    most, remaining, reset = names
    headers[most] = str(int(limit))
    headers[remaining] = str(int(left) if left > 0 else 0)
    headers[reset] = f"{(limit - left) * 60 / limit if left < limit else 0:.3f}s"
