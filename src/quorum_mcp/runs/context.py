"""What the code of a run sees: its input, its deadline, its log, and what an earlier owner already did."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from quorum_mcp.events import Event, EventType
from quorum_mcp.runs.log import Log
from quorum_mcp.store.clock import MICROSECONDS


class Totals(Struct):
    """What a session has come to, over all its turns: nanodollars, calls, and whether anything was simulated."""

    nanos: int = 0
    calls: int = 0
    simulated: bool = False


class RunContext:
    """One turn of one run, in the process that owns it.

    The code of a run is ordinary and deterministic: it asks `finished(key)` before each model call and
    emits events as it goes. After a take-over the same code runs again; calls that are in the log are not
    made again and events that are in the log are not written again.
    """

    def __init__(
        self,
        *,
        run_id: str,
        tenant: str,
        principal: str,
        turn: int,
        input: dict[str, Any],  # noqa: A002 - the field's name in the store and on the wire
        seconds: float,
        log: Log,
        history: list[Event],
        carried: Totals,
    ) -> None:
        self.run_id = run_id
        self.tenant = tenant
        self.principal = principal
        self.turn = turn
        self.input = input
        self.log = log
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        self.resumed = bool(history)
        self.totals = carried
        self.stop_part: Callable[[str], bool] = lambda _: False
        """Set by the run's code: give up a named part of it; False where there is no such open part."""
        self._seen = {_identity(event.type, event.data) for event in history}
        self._finished = {
            str(event.data["key"]): event.data
            for event in history
            if event.type in ("call.finished", "call.failed") and "key" in event.data
        }
        self.logged = {event.data["call_id"] for event in history if event.data.get("call_id")}
        """The ids of this turn's calls whose end is in the log."""
        self.first_us = _micros(history[0].ts) if history else 0
        """When this turn's first event was written, in microseconds since 1970; 0 for a turn that is new."""
        self._started = next((event.data for event in history if event.type == "run.started"), None)

    def started(self) -> dict[str, Any] | None:
        """The data of this turn's `run.started`, where an earlier owner wrote it."""
        return self._started

    def finished(self, key: str) -> dict[str, Any] | None:
        """The data of the ended call `key`, where it is in the log."""
        return self._finished.get(key)

    def remaining(self) -> float:
        """Seconds until the run's deadline, never below zero."""
        return max(0.0, self.deadline - time.monotonic())

    async def emit(self, kind: EventType, data: dict[str, Any]) -> None:
        """Write an event and return when it is committed; one that is in the log already is not repeated."""
        if _identity(kind, data) not in self._seen:
            await self.log.emit(kind, data | {"turn": self.turn})

    def note(self, kind: EventType, data: dict[str, Any]) -> None:
        """Write an event that may be committed with the next one."""
        if _identity(kind, data) not in self._seen:
            self.log.note(kind, data | {"turn": self.turn})


def _micros(ts: str) -> int:
    return int(datetime.fromisoformat(ts).timestamp() * MICROSECONDS)


def _identity(kind: str, data: dict[str, Any]) -> tuple[str, object, object]:
    return kind, data.get("key"), data.get("round")
