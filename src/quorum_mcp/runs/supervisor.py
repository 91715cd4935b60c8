"""The background of runs: tell that we are alive, obey cancels, take over what dead processes left, expire."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from quorum_mcp.errors import QuorumError
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.clock import MICROSECONDS, now_us

BEAT_SECONDS = 0.4  # also how soon what another process asked for is seen where the database does not tell
STALE_SECONDS = 4.0  # a heartbeat older than this is a dead owner's
LOOK_SECONDS = 2.0

log = structlog.get_logger()
Chore = Callable[[], Awaitable[object]]


class Supervisor:
    """Runs beside the server.

    Args:
        runs: this process's runs.
        hours: how long an open session may be idle before it expires.
        recover: stores what dead processes left in their journals; done before any take-over, for a resumed run
            counts what its calls had cost.
        chores: what else is done now and then; none of it holds up a take-over.
    """

    def __init__(self, runs: Runs, *, hours: float, recover: Chore, chores: Sequence[Chore] = ()) -> None:
        self._runs = runs
        self._recover = recover
        self._chores = chores
        self._idle = hours * 3600
        self._tasks: list[asyncio.Task[None]] = []
        self._away = False

    def start(self, *, take_over: bool = True) -> None:
        """Begin; `stop` ends it. A process that is soon gone does not take over what others left."""
        beat = self._repeat(self._beat, self._until_asked)
        self._tasks = [asyncio.create_task(beat, name="runs: heartbeat")]
        if take_over:
            self.take_over()

    def take_over(self) -> None:
        """Begin to claim what dead processes left; a second call does nothing."""
        if len(self._tasks) == 1:
            for action, name in ((self._look, "take-over"), *((chore, "chore") for chore in self._chores)):
                loop = self._repeat(action, lambda: asyncio.sleep(LOOK_SECONDS))
                self._tasks.append(asyncio.create_task(loop, name=f"runs: {name}"))

    async def stop(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, action: Chore, pause: Chore) -> None:
        away = False
        while True:
            try:
                await action()
                away = False
            except QuorumError as error:  # a database that is away comes back; the loop must be there then
                if not away:
                    log.warning("runs.supervisor", error=str(error))
                away = True
            except Exception:
                log.exception("runs.supervisor")  # without the loop, others would take this process for dead
            await pause()

    async def _until_asked(self) -> None:
        """Until it is time for a heartbeat, or somebody asked something of a run that is here."""
        if self._runs.running:
            await self._runs.store.requests(self._runs.running, BEAT_SECONDS)
        else:
            await asyncio.sleep(BEAT_SECONDS)

    async def _beat(self) -> None:
        running = self._runs.running
        if not running:
            return
        held = {
            beat.run_id: beat for beat in await self._runs.store.heartbeat(self._runs.owner, list(running))
        }
        for run_id, here in list(running.items()):
            beat = held.get(run_id)
            if here.task is None or here.task.done():
                continue
            if beat is None:
                current = await self._runs.store.get(run_id)
                if current is not None and current.epoch != here.epoch:
                    here.task.cancel()
            elif beat.cancel_requested and not here.cancelled:
                here.cancelled = True
                here.task.cancel()
        await self._runs.obey()

    async def _look(self) -> None:
        was_away, self._away = self._away, True
        expired = await self._runs.store.expire_idle(now_us() - int(self._idle * MICROSECONDS))
        if expired:
            log.info("runs.expired", count=len(expired))
        await self._recover()
        stale = await self._runs.store.stale(STALE_SECONDS)
        self._away = False
        if was_away:
            return  # Nobody's heartbeat could be stored meanwhile: the living tell first that they are.
        for run in stale:
            if run.id in self._runs.running or self._runs.closing:
                continue
            epoch = await self._runs.store.claim(run.id, self._runs.owner, expected_epoch=run.epoch)
            if epoch is not None:
                log.info("runs.resumed", run_id=run.id, was=run.owner)
                await self._runs.resume(run, epoch)
