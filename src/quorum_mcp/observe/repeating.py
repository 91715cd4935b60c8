"""What a process does again and again beside its work; nothing that goes wrong in it ends it."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from quorum_mcp.errors import QuorumError

log = structlog.get_logger()


class Repeating:
    """Runs an action, waits, and runs it again, from `start` to `stop`.

    Args:
        name: of the task, and in the log.
        action: what to do.
        seconds: the pause between the end of one and the begin of the next.
    """

    def __init__(self, name: str, action: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._name = name
        self._action = action
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End, in the middle of the action if need be."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        away = False
        while True:
            try:
                await self._action()
                away = False
            except QuorumError as error:  # a database that is away comes back: it is said once
                if not away:
                    log.warning("background.waits", task=self._name, error=str(error))
                away = True
            except Exception:
                log.exception("background.failed", task=self._name)
            await asyncio.sleep(self._seconds)
