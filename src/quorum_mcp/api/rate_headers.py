"""The headers that tell a caller of its own limits, under the names that clients of model APIs know."""

from collections.abc import Iterable

from quorum_mcp.access.principal import Principal
from quorum_mcp.calls.limits import Limits


def rate_headers(limits: Limits, principal: Principal) -> dict[str, str]:
    """`x-ratelimit-…` of requests and tokens, each of the caller's limit with least left; none without limits."""
    levels = limits.of_caller(principal.tenant, principal.key)
    if not levels:
        return {}
    return {
        **_headers("requests", ((level.requests, limit.requests) for limit, level in levels)),
        **_headers("tokens", ((level.tokens, limit.tokens) for limit, level in levels)),
    }


def _headers(what: str, found: Iterable[tuple[float, float | None]]) -> dict[str, str]:
    """`limit` is per minute, `remaining` what may be used now, `reset` when all of it may be again, as `1.5s`."""
    left, limit = min(((left, limit) for left, limit in found if limit is not None), default=(0.0, 0.0))
    if not limit:
        return {}
    return {
        f"x-ratelimit-limit-{what}": str(int(limit)),
        f"x-ratelimit-remaining-{what}": str(max(int(left), 0)),
        f"x-ratelimit-reset-{what}": f"{max(limit - left, 0) * 60 / limit:.3f}s",
    }
