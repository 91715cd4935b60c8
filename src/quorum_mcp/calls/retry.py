"""When a failed attempt is worth repeating, and how long to wait before.

Own code rather than a retry library: the wait depends on the deadline and on what the provider said, and
each decision is a line of the call's trace.
"""

import random

from quorum_mcp.config.settings import RetrySettings
from quorum_mcp.errors import (
    BadProviderAnswer,
    ContentFiltered,
    ContextTooLong,
    ProviderRefused,
    ProviderUnavailable,
    QueueFull,
    QuorumError,
    Unsupported,
)

LEAST_SECONDS = 0.3
"""What an attempt needs at least: one that is cut at once would only hide the error before it."""
SHORT_SECONDS = 0.25
"""The wait before a model is asked a second time while another one could answer instead."""


def worth_repeating(attempts: int, error: QuorumError, settings: RetrySettings) -> bool:
    """Whether a model that failed `attempts` times, lastly so, may be asked again at all.

    Not one whose breaker is open, nor one whose queue is full: whoever is refused at once should hear it at once.
    """
    if attempts >= settings.attempts or isinstance(error, QueueFull):
        return False
    return error.retryable and error.details.get("breaker") != "open"


def wrong_anywhere(error: QuorumError) -> bool:
    """Whether the model would refuse the request at another endpoint too."""
    if isinstance(error, ProviderRefused):
        return error.details.get("status") in (400, 413, 422)
    return isinstance(error, ContextTooLong | ContentFiltered | Unsupported)


def wait_before(attempts: int, error: QuorumError, settings: RetrySettings, left: float) -> float:
    """Seconds to wait after attempt number `attempts`, where the call has `left` seconds.

    Exponential from `min_seconds` up to `max_seconds` with a fifth of jitter, but never more than a quarter of
    the time left, so that the attempts fit; the provider's own `retry_after` counts where it is longer.
    """
    wait = min(settings.min_seconds * 2 ** (attempts - 1), settings.max_seconds)
    return max(min(_jitter(wait), left / 4), error.retry_after or 0.0)


def short_wait(error: QuorumError, settings: RetrySettings) -> float | None:
    """Seconds to wait where another model is ready; None to ask that one at once.

    Only a failure of the moment is worth it: after a limit or a time-out the same would happen again.
    """
    if not isinstance(error, ProviderUnavailable | BadProviderAnswer):
        return None
    if (error.retry_after or 0.0) > SHORT_SECONDS:
        return None
    return max(_jitter(min(SHORT_SECONDS, settings.min_seconds)), error.retry_after or 0.0)


def _jitter(wait: float) -> float:
    return wait * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, guards nothing
