"""Word from other processes: a run has new events, or something is asked of a run."""

import asyncio
from collections.abc import Container
from typing import Protocol


class Signals(Protocol):
    """Only the run and the number of its last event are told. A signal may be lost: look now and then."""

    def tell(self, run_id: str, seq: int) -> None:
        """Tell other processes soon that the event `seq` of a run is stored."""
        ...

    def ask(self, run_id: str) -> None:
        """Tell the run's owner soon that the database holds a request for it: to cancel, to stop a part."""
        ...

    def last(self, run_id: str) -> int:
        """The number of the last event that was told of; 0 where nothing was."""
        ...

    async def news(self, run_id: str, after: int, seconds: float) -> None:
        """Return when the run has an event numbered above `after`, or after a while.

        `seconds` is how often to look where nothing can be heard.
        """
        ...

    async def asked(self, run_ids: Container[str], seconds: float) -> None:
        """Return when something is asked of one of the runs, or after `seconds`."""
        ...


class NoSignals:
    """For a database that sends none: everybody looks."""

    def tell(self, run_id: str, seq: int) -> None:
        """Nobody hears it."""

    def ask(self, run_id: str) -> None:
        """Nobody hears it."""

    def last(self, run_id: str) -> int:  # noqa: ARG002 - as Signals has it
        """Nothing was told."""
        return 0

    async def news(self, run_id: str, after: int, seconds: float) -> None:  # noqa: ARG002 - as Signals has it
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    async def asked(self, run_ids: Container[str], seconds: float) -> None:  # noqa: ARG002 - as Signals has it
        """Return after `seconds`."""
        await asyncio.sleep(seconds)
