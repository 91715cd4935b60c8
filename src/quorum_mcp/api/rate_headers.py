"""The headers that tell a caller of its own limits, under the names that clients of model APIs know."""

from math import inf

from quorum_mcp.access.principal import Principal
from quorum_mcp.calls.limits import Limits


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
        _add(headers, "requests", *requests)
    if tokens[1]:
        _add(headers, "tokens", *tokens)
    return headers


def _add(headers: dict[str, str], what: str, left: float, limit: float) -> None:
    """`limit` is per minute, `remaining` what may be used now, `reset` when all of it may be again, as `1.5s`."""
    headers["x-ratelimit-limit-" + what] = str(int(limit))
    headers["x-ratelimit-remaining-" + what] = str(int(left) if left > 0 else 0)
    headers["x-ratelimit-reset-" + what] = f"{(limit - left) * 60 / limit if left < limit else 0:.3f}s"
