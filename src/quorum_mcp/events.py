"""The one envelope in which everything that happens in a run is told, on every surface."""

from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

EventType = Literal[
    "run.started",
    "round.started",
    "call.started",
    "call.delta",
    "call.finished",
    "call.failed",
    "agreement.measured",
    "round.finished",
    "synthesis.delta",
    "run.finished",
    "run.failed",
    "run.cancelled",
    "budget.alert",
    "provider.status",
    "stats",
]

AlertKind = Literal[
    "budget",
    "budget.overrun",
    "provider.down",
    "provider.errors",
    "provider.slow",
    "provider.recovered",
    "quota.near",
]
"""What an alert is about. Those of budgets are sent as `budget.alert`, all others as `provider.status`."""

ENDINGS: frozenset[str] = frozenset({"run.finished", "run.failed", "run.cancelled"})
"""The events after which a turn of a run has no more."""


class Event(Struct, frozen=True):
    """One thing that happened.

    Attributes:
        run_id: the run it belongs to; empty for events of the whole server.
        seq: grows strictly within a run; deltas take numbers too but are not kept, so the log has gaps.
        ts: when, ISO 8601 in UTC with milliseconds.
        data: what; a `call.delta` carries `offset`, the place of its text in the call's text so far.
    """

    run_id: str
    seq: int
    ts: str
    type: EventType
    data: dict[str, Any]
    v: int = 1


def now() -> str:
    """The present moment as events write it."""
    return stamp(datetime.now(UTC).timestamp())


def stamp(seconds: float) -> str:
    """A Unix time as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
