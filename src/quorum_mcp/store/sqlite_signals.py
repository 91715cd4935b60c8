"""SQLite tells nothing to other processes, but a look at whether anybody wrote costs a few microseconds.

So whoever waits for a run of another process looks at that often, and at the run's rows only when it is so.
"""

import asyncio
import sqlite3

from quorum_mcp.store.signals import NoSignals

LOOK_SECONDS = 0.03
"""Between two looks at whether the file has changed."""
REST_SECONDS = 0.06
"""Least time between two answers to one who waits: on a busy file every look finds a change."""


class SqliteSignals(NoSignals):
    """Implements `store.signals.Signals`: new events are seen soon, requests at the owner's next heartbeat."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    async def news(self, run_id: str, after: int, seconds: float) -> None:  # noqa: ARG002 - as Signals has it
        """Return when somebody wrote to the file, or after `seconds`."""
        before = self._version()
        await asyncio.sleep(min(REST_SECONDS, seconds))
        left = seconds - REST_SECONDS
        while left > 0 and before is not None and self._version() == before:
            await asyncio.sleep(min(LOOK_SECONDS, left))
            left -= LOOK_SECONDS
        if before is None:
            await asyncio.sleep(max(0.0, left))

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _version(self) -> int | None:
        """Another number whenever any connection has committed; None where that cannot be told now."""
        # On the event loop: in WAL mode this reads memory that the processes share, and waits for nobody.
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            return self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            self.close()
            return None
