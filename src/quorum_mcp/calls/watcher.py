"""Whoever wants to know how calls go: metrics, health."""

from typing import Protocol

from quorum_mcp.calls.record import Attempt, Bill, State


class Watcher(Protocol):
    """Told as things happen, on the event loop: it must be quick, and must not raise."""

    def attempted(self, attempt: Attempt, bill: Bill, error: BaseException | None) -> None:
        """A request to a provider has ended; `error` says how, None for an answer."""
        ...

    def finished(self, state: State) -> None:
        """A call has ended, with or without any attempt."""
        ...
