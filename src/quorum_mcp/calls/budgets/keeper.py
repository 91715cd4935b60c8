"""What is done about budgets all the time: idle slices return, changes are seen, alerts are raised."""

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from quorum_mcp.calls.budgets import lease as leasing
from quorum_mcp.calls.budgets.service import Budgets
from quorum_mcp.calls.budgets.watch import Watch
from quorum_mcp.errors import StoreUnavailable

log = structlog.get_logger()

TICK_SECONDS = 0.5
REFRESH_SECONDS = 1.0
"""How soon a change that another process made is seen."""
SWEEPS = 10
"""How often in the life of a lease it is looked whether some were left behind."""


class Keeper:
    """Runs beside the process's calls, from `start` to `stop`."""

    def __init__(self, budgets: Budgets, watch: Watch) -> None:
        self._budgets = budgets
        self._watch = watch
        self._task: asyncio.Task[None] | None = None
        self._refresh_at = self._sweep_at = 0.0

    async def start(self) -> None:
        """Read the budgets, then begin."""
        await self._budgets.start()
        self._task = asyncio.create_task(self._run(), name="budgets")

    async def stop(self) -> None:
        """End, and return what is not used."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._budgets.close()

    async def _run(self) -> None:
        purse = self._budgets.purse
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self._tick()
                purse.away = None
            except StoreUnavailable as error:
                if purse.away is None:
                    log.warning("budgets.waiting", error=str(error))
                purse.away = error.message
                self._refresh_at = 0.0  # the next look tells whether it is back
            except (SQLAlchemyError, OSError):  # slices that do not return stay safe; all else must go on
                log.exception("budgets.failed")

    async def _tick(self) -> None:
        now = time.monotonic()
        await self._budgets.purse.give_back()
        if now >= self._refresh_at:
            self._refresh_at = now + REFRESH_SECONDS
            await self._budgets.refresh()
            await self._watch.look()
        if now >= self._sweep_at:
            self._sweep_at = now + leasing.LIFE_SECONDS / SWEEPS
            await self._budgets.sweep()
