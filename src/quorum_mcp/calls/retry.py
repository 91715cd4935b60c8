"""When a failed attempt is worth repeating, and how long to wait before.

Own code rather than a retry library: the wait depends on the deadline and on what the provider said, and
each decision is a line of the call's trace.
"""

import random

from quorum_mcp.config.settings import RetrySettings
from quorum_mcp.errors import QuorumError

LEAST_SECONDS = 0.3
"""What an attempt needs at least: one that is cut at once would only hide the error before it."""


def wait_before(attempt: int, error: QuorumError, settings: RetrySettings, remaining: float) -> float | None:
    """Seconds to wait before attempt number `attempt` + 1, or None when it is not worth one.

    Exponential from `min_seconds` up to `max_seconds` with a fifth of jitter; the provider's own
    `retry_after` counts instead where it is longer. A wait that leaves no time for an attempt is not begun,
    nor one for a breaker to close: the next candidate, or the panel without this seat, is better than that.
    """
    if not error.retryable or attempt >= settings.attempts or error.details.get("breaker") == "open":
        return None
    wait = min(settings.min_seconds * 2 ** (attempt - 1), settings.max_seconds)
    wait *= random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, guards nothing
    wait = max(wait, error.retry_after or 0.0)
    return wait if wait + LEAST_SECONDS < remaining else None
