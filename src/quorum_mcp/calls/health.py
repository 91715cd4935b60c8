"""How a provider does, from its last calls and its breaker."""

from typing import Literal

from msgspec import Struct

from quorum_mcp.store.call_stats import ProviderStats

Health = Literal["healthy", "degraded", "unhealthy", "unconfigured"]
ENOUGH = 5
"""Calls that are needed before a rate of failures says anything."""


class Verdict(Struct, frozen=True):
    """A provider's state and, where it is not healthy, why."""

    status: Health
    reason: str | None


def judge(missing: str | None, breaker: str, stats: ProviderStats | None) -> Verdict:
    """The state of a provider.

    Args:
        missing: what its set-up lacks, None where it is complete.
        breaker: the worst state of its circuits.
        stats: its last calls, at most 100.
    """
    if missing is not None:
        return Verdict("unconfigured", missing)
    if breaker == "open":
        return Verdict("unhealthy", "its calls failed several times in a row; it is not asked for a while")
    if stats is None or stats.calls < ENOUGH:
        return Verdict("healthy", None)
    share = stats.failed / stats.calls
    reason = f"{stats.failed} of the last {stats.calls} calls failed"
    if share >= 0.5:
        return Verdict("unhealthy", reason)
    return Verdict("degraded", reason) if share >= 0.1 else Verdict("healthy", None)
