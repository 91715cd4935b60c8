"""How a provider does, in one word and a reason."""

from typing import Literal

from msgspec import Struct

from quorum_mcp.calls.breaker import View
from quorum_mcp.calls.health.vitals import WINDOW_SECONDS, Vital
from quorum_mcp.store.call_stats import ProviderStats

Status = Literal["healthy", "degraded", "unhealthy", "unconfigured"]
Cause = Literal["down", "errors", "slow"]
ENOUGH = 5
"""Calls that are needed before a rate of failures says anything."""
WORTH_TELLING = 5
"""Failures that an alert needs at least: three of six say little."""
BAD, POOR = 0.5, 0.1
"""Shares of failures above which a provider is unhealthy, and degraded."""
SLOW_TIMES, SLOW_SECONDS = 3.0, 1.0
"""It is slow when it takes so many times as long as usual, and so much longer."""


class Verdict(Struct, frozen=True):
    """A provider's state and, where it is not healthy, why; `cause` is what an alert is about."""

    status: Status
    reason: str | None = None
    cause: Cause | None = None


HEALTHY = Verdict("healthy")


def judge(
    missing: str | None,
    circuits: list[View],
    vital: Vital,
    now: float,
    stored: ProviderStats | None = None,
    *,
    spare: bool = False,
) -> Verdict:
    """The state of a provider.

    Args:
        missing: what its set-up lacks, None where it is complete.
        circuits: the breakers of its models.
        vital: what this process saw of it.
        now: on the clock of `vital`.
        stored: its last calls, at most 100, of all processes; asked where this one has seen nothing lately.
        spare: whether another of its deployments can be asked where a breaker is open.
    """
    if missing is not None:
        return Verdict("unconfigured", missing)
    recent = vital.recent(now)
    answered = recent.calls - recent.failed
    if opened := [view for view in circuits if view.state == "open"]:
        names = ", ".join(str(view) for view in opened[:3])
        reason = f"{names}: {opened[0].reason}; not asked for a while"
        return (
            Verdict("degraded", reason, "errors")
            if spare or answered > recent.failed
            else Verdict("unhealthy", reason, "down")
        )
    if recent.calls >= ENOUGH:
        return _by_traffic(recent.calls, recent.failed, recent.limited) or _by_speed(
            recent.speed, recent.usual
        )
    check = vital.check
    if check is not None and now - check.at <= WINDOW_SECONDS:
        if check.error is not None:
            return Verdict("unhealthy", f"it does not list its models: {check.error}", "down")
        return HEALTHY
    if stored is not None and stored.calls >= ENOUGH:
        return _by_traffic(stored.calls, stored.failed, 0) or HEALTHY
    return HEALTHY


def _by_traffic(calls: int, failed: int, limited: int) -> Verdict | None:
    share, reason = failed / calls, f"{failed} of the last {calls} calls failed"
    if share >= BAD:
        return Verdict("unhealthy", reason, "down" if failed >= WORTH_TELLING else None)
    if share >= POOR:
        return Verdict("degraded", reason, "errors" if failed >= WORTH_TELLING else None)
    if limited / calls >= BAD:
        return Verdict("degraded", f"it limits us: {limited} of the last {calls} calls", "errors")
    return None


def _by_speed(speed: float | None, usual: float | None) -> Verdict:
    if speed is None or usual is None or speed < max(usual * SLOW_TIMES, usual + SLOW_SECONDS):
        return HEALTHY
    return Verdict("degraded", f"slow: {speed:.1f} s to the first token, {usual:.1f} s usually", "slow")
