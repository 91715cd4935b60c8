"""What this process saw of each provider lately: a sliding window in memory, fed by every attempt."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Literal

from msgspec import Struct, field

from quorum_mcp.calls.record import Attempt, Bill, State
from quorum_mcp.errors import ProviderError, ProviderRateLimited, QuorumError
from quorum_mcp.store.call_rows import NOT_ITS_FAULT
from quorum_mcp.store.clock import now_us

WINDOW_SECONDS = 300.0
MOST = 500
"""Attempts that are remembered of one provider."""
RECENT, USUAL = 10, 30
"""Answers that are needed to say how fast it is now, and how fast it usually is."""

Ending = Literal["ok", "failed", "limited"]


class Seen(Struct, frozen=True):
    """One attempt that said something about its provider; `seconds` to its first token."""

    at: float
    ending: Ending
    seconds: float


class Failure(Struct, frozen=True):
    """The last failure: a code and a status, never the provider's words, which may quote what a caller asked."""

    code: str
    status: int | None
    at: int
    """Microseconds since 1970."""

    def __str__(self) -> str:
        """In a few words."""
        return self.code if self.status is None else f"{self.code} (HTTP {self.status})"


class Check(Struct, frozen=True):
    """What a probe found: `error` None where the provider answered; it took `seconds`."""

    at: float
    at_us: int
    seconds: float
    error: str | None


class Recent(Struct, frozen=True):
    """The window in figures. Speeds are medians in seconds, None where too little was seen."""

    calls: int = 0
    failed: int = 0
    limited: int = 0
    speed: float | None = None
    usual: float | None = None


class Vital(Struct):
    """One provider."""

    seen: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=MOST))
    last: Failure | None = None
    check: Check | None = None

    def recent(self, now: float) -> Recent:
        """The figures of the last five minutes; what is usual is taken from before that too."""
        window = [one for one in self.seen if now - one.at <= WINDOW_SECONDS]
        speeds = [one.seconds for one in self.seen if one.ending == "ok"]
        fresh = [one.seconds for one in window if one.ending == "ok"][-RECENT:]
        before = speeds[: len(speeds) - len(fresh)]
        return Recent(
            calls=len(window),
            failed=sum(one.ending == "failed" for one in window),
            limited=sum(one.ending == "limited" for one in window),
            speed=median(fresh) if len(fresh) >= RECENT else None,
            usual=median(before) if len(before) >= USUAL else None,
        )


class Vitals:
    """Watches the calls of this process.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = clock
        self._vitals: dict[str, Vital] = {}

    def of(self, provider: str) -> Vital:
        """What was seen of a provider."""
        found = self._vitals.get(provider)
        if found is None:
            found = self._vitals[provider] = Vital()
        return found

    def attempted(self, attempt: Attempt, bill: Bill, error: BaseException | None) -> None:  # noqa: ARG002
        """Remember how an attempt ended, where that says something about its provider."""
        now = self.now()
        if error is None:
            vital = self.of(attempt.target.provider.name)
            vital.seen.append(Seen(now, "ok", attempt.first_token or now - attempt.began))
        elif isinstance(error, ProviderError) and error.code not in NOT_ITS_FAULT:
            vital = self.of(attempt.target.provider.name)
            limited = isinstance(error, ProviderRateLimited)
            vital.seen.append(Seen(now, "limited" if limited else "failed", now - attempt.began))
            vital.last = failure(error)

    def finished(self, state: State) -> None:
        """Attempts tell enough."""

    def checked(self, provider: str, seconds: float, error: QuorumError | None) -> None:
        """Remember what a probe found."""
        vital = self.of(provider)
        said = None
        if error is not None:
            vital.last = failure(error)
            said = str(vital.last)
        vital.check = Check(self.now(), now_us(), seconds, said)


def failure(error: QuorumError) -> Failure:
    """The error as it may be shown to everybody."""
    status = error.details.get("status")
    return Failure(error.code, status if isinstance(status, int) else None, now_us())
