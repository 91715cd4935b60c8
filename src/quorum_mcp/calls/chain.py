"""Whom a call asks next: its candidates in their order, and how they take turns when they fail."""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from quorum_mcp.calls.retry import LEAST_SECONDS, short_wait, wait_before, worth_repeating, wrong_anywhere
from quorum_mcp.config.settings import RetrySettings
from quorum_mcp.errors import Blocked, GuardrailUnavailable, QuorumError
from quorum_mcp.providers.registry import Target

SHARE = 0.5
"""How much of the time that is left a model may take to begin its answer, while another one is left to ask."""
WAITING_SHARE = 0.25
"""The same of waiting for a place or a limit."""


class Step(Struct, frozen=True):
    """The next attempt: after `wait` seconds, at `target`."""

    wait: float
    target: Target

    def __str__(self) -> str:
        """As the trace shows it."""
        return f"{self.target.label} in {self.wait:.1f} s" if self.wait else f"{self.target.label} at once"


class _Candidate(Struct):
    target: Target
    tries: int = 0
    over: bool = False
    ready: float = 0.0


class Chain:
    """The candidates of one call. Each is asked at most `retry.attempts` times.

    While another one is left that has not been asked, and whose breaker lets calls through, a model that failed
    is asked once more at most, after a short wait, and only for a failure of the moment. When all have failed,
    those that may work again are asked again, after the waits of the settings: whoever is ready first.

    Several endpoints of one model are candidates like any others, but that there is no wait between them, and that what
    is wrong with the request itself is not tried at the next one.

    Args:
        targets: the candidates, the one that was asked for first.
        refuses: whether the breaker of the model of this name would refuse a call now.
        deadline: of the call, on the monotonic clock.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        settings: RetrySettings,
        refuses: Callable[[str], bool],
        deadline: float,
    ) -> None:
        self._candidates = [_Candidate(target) for target in targets]
        self._settings = settings
        self._refuses = refuses
        self._began = time.monotonic()
        self._deadline = deadline
        self._current = self._candidates[0]
        self.end = "the answer has begun: nobody else is asked"
        """Why there is no further step, for the trace."""

    def first(self) -> Step:
        """The first attempt."""
        return self._take(self._candidates[0], 0.0)

    def after(self, error: QuorumError) -> Step | None:
        """The attempt after one that failed with `error`; None when no more is worth it, or fits the deadline."""
        if isinstance(error, (Blocked, GuardrailUnavailable)):
            self.end = "nobody else is asked what a guardrail stopped"
            return None
        now, current = time.monotonic(), self._current
        current.over = not worth_repeating(current.tries, error, self._settings)
        current.ready = now + wait_before(current.tries, error, self._settings, self._deadline - now)
        if wrong_anywhere(error):
            for one in self._candidates:
                one.over = one.over or one.target.name == current.target.name
        fresh = [one for one in self._candidates if not one.tries and not one.over]
        ready = [one for one in fresh if not self._refuses(one.target.label)]
        if ready:
            short = short_wait(error, self._settings)
            early = now - self._began < (self._deadline - self._began) / 2
            elsewhere = ready[0].target.name == current.target.name  # the same model, at another endpoint
            if short is not None and early and current.tries < 2 and not current.over and not elsewhere:
                return self._take(current, short)
            return self._take(ready[0], 0.0)
        again = [one for one in self._candidates if one.tries and not one.over]
        again.sort(key=lambda one: (self._refuses(one.target.label), one.ready))
        for one in again:
            wait = max(one.ready - now, 0.0)
            if now + wait + LEAST_SECONDS < self._deadline:
                return self._take(one, wait)
        self.end = self._end(fresh, again)
        return None

    @property
    def target(self) -> Target:
        """Whom the present attempt asks."""
        return self._current.target

    @property
    def is_first(self) -> bool:
        """Whether that is the model that was asked for."""
        return self._current.target.name == self._candidates[0].target.name

    @property
    def another(self) -> bool:
        """Whether someone else could be asked if the present attempt fails, for the first time or again."""
        if len(self._candidates) == 1:
            return False
        others = (one for one in self._candidates if one is not self._current and not one.over)
        return any(not self._refuses(one.target.label) for one in others)

    def patience(self, share: float = SHARE) -> float:
        """Seconds that the present attempt may take up before it has to give way: all that are left, or a share."""
        left = self._deadline - time.monotonic()
        return left * share if self.another else left

    def _end(self, fresh: list[_Candidate], again: list[_Candidate]) -> str:
        reasons = [f"breaker of {one.target.label}: open" for one in fresh]
        if again:
            reasons.append("no time for another attempt")
        return ", ".join(reasons) or "no further attempt"

    def _take(self, candidate: _Candidate, wait: float) -> Step:
        self._current = candidate
        candidate.tries += 1
        return Step(wait, candidate.target)
