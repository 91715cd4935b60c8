"""Runs: started, followed, waited for, cancelled. One instance per process, which owns what it runs.

A run belongs to the server, not to the connection that asked: whoever knows its id may follow it, from any
process on the same database.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog
from msgspec import Struct, field

from quorum_mcp import codec
from quorum_mcp.errors import (
    Cancelled,
    Conflict,
    NotFound,
    QuorumError,
    ServerUnavailable,
    StoreUnavailable,
)
from quorum_mcp.events import ENDINGS, Event
from quorum_mcp.runs.context import RunContext, Totals
from quorum_mcp.runs.live import Live, Voice
from quorum_mcp.runs.log import Log
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.run_rows import FinalStatus, Key, NewRun, NewTurn, Run, StaleOwner, Started
from quorum_mcp.store.runs import OPEN
from quorum_mcp.store.runs import Runs as RunStore

Handler = Callable[[RunContext], Awaitable[dict[str, Any]]]
POLL_SECONDS = 0.25  # how often another process's run is looked at
CANCEL_SECONDS = 3.0  # for which the owner of a run is given to do what was asked
SILENT_SECONDS = 1.5  # an owner without a heartbeat for so long does not hear that its run was cancelled
ANSWER_SECONDS = 0.05  # between two looks for the owner's answer
APPEND_PATIENCE = 10.0  # seconds for which a database that is away is waited for at least

log = structlog.get_logger()


class Begin(Struct, frozen=True):
    """A turn to carry out, within `seconds`; `carried` is what the turns before it came to."""

    id: str
    tenant: str
    principal: str
    kind: str
    turn: int
    input: dict[str, Any]
    seconds: float
    carried: Totals = field(default_factory=Totals)


class Running:
    """A run in this process: its task, and its log for followers."""

    def __init__(self, run_id: str, epoch: int, events: Log, context: RunContext) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.log = events
        self.context = context
        self.task: asyncio.Task[None] | None = None
        self.cancelled = False
        self.ending = False


class Runs:
    """Owns this process's runs. `handlers` holds, by kind of run, the code that carries it out."""

    def __init__(self, store: RunStore, events: EventLog, owner: str, live: Live | None = None) -> None:
        self.store = store
        self.events = events
        self.owner = owner
        self.live = live or Live()
        self.handlers: dict[str, Handler] = {}
        self.running: dict[str, Running] = {}
        self.on_end: Callable[[RunContext, FinalStatus], None] | None = (
            None  # told of each turn that ended here
        )
        self.closing = False

    async def start(self, new: NewRun, seconds: float, *, key: Key | None = None) -> Started:
        """Store a run and begin it; an equal request with the same idempotency key begins nothing."""
        started = await self.store.create(new, key=key)
        if started.created:
            run = Begin(
                started.run_id,
                new.tenant,
                new.principal,
                new.kind,
                started.turn,
                codec.decode(new.input),
                seconds,
            )
            await self._begin(run, started.epoch, [])
        return started

    async def start_turn(
        self, turn: NewTurn, before: Run, seconds: float, *, key: Key | None = None
    ) -> Started:
        """Store a follow-up of the ended run `before` and begin it."""
        started = await self.store.start_turn(turn, key=key)
        if started.created:
            run = Begin(started.run_id, turn.tenant, turn.principal, before.kind, started.turn,
                        codec.decode(turn.input), seconds, Totals(before.total_cost or 0, before.calls, before.simulated))  # fmt: skip
            await self._begin(run, started.epoch, [])
        return started

    async def resume(self, run: Run, epoch: int) -> None:
        """Go on with a run that this process has claimed, from its log."""
        history = [e for e in await self.events.read(run.id) if e.data.get("turn") == run.turn]
        deadline = run.deadline_at or now_us()
        left = max(5.0, (deadline - run.heartbeat_at) / MICROSECONDS)  # the time it was down does not count
        carried = Totals(run.total_cost or 0, run.calls, run.simulated)
        begin = Begin(
            run.id, run.tenant, run.principal, run.kind, run.turn, codec.decode(run.input), left, carried
        )
        await self._begin(begin, epoch, history, cancelled=run.cancel_requested)

    async def get(self, run_id: str, tenant: str) -> Run:
        """The stored run. Raises `NotFound` where the tenant has none of this id."""
        run = await self.store.get(run_id, tenant=tenant)
        if run is None:
            raise NotFound(f"there is no session {run_id}", hint="`quorum sessions` lists them")
        return run

    async def follow(self, run_id: str, tenant: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """The run's events numbered above `after`, stored ones first, then live until the turn ends.

        They also end, without an ending, where this process does: another one goes on with the run.
        """
        run = await self.get(run_id, tenant)
        async with AsyncExitStack() as opened:
            voice: Voice | None = None
            while True:
                here = self.running.get(run_id)
                async for event in self._known(run_id, after, here):
                    after = event.seq
                    yield event
                run = await self.get(run_id, tenant)
                if run.status not in OPEN and run_id not in self.running:
                    for event in await self.events.read(run_id, after=after):
                        yield event
                    return
                if self.closing:
                    return
                if voice is not None:
                    voice.stored = min(voice.stored, after)  # it has been read
                if here is None:
                    voice = voice or await opened.enter_async_context(self.live.hear(run_id))
                    async for event in self._heard(run_id, after, voice):
                        after = event.seq
                        yield event

    async def _known(self, run_id: str, after: int, here: Running | None) -> AsyncGenerator[Event, None]:
        """What is stored, then what this process writes itself, until it writes no more."""
        async for event in self._stored(run_id, after, here):
            after = event.seq
            yield event
        if here is not None:
            async for event in here.log.follow(after):
                yield event

    async def _heard(self, run_id: str, after: int, voice: Voice) -> AsyncGenerator[Event, None]:
        """Live text of a run that another process carries out, until there may be something stored to read."""
        news = asyncio.create_task(self.events.news(run_id, after, POLL_SECONDS))
        try:
            while not news.done() and voice.stored <= after:
                for event in voice.since(after):
                    after = event.seq
                    yield event
                more = asyncio.create_task(voice.changed.wait())
                await asyncio.wait({news, more}, return_when=asyncio.FIRST_COMPLETED)
                more.cancel()
        finally:
            news.cancel()
            await asyncio.wait({news})
        if not news.cancelled():
            news.result()

    async def before_turn(self, run_id: str, turn: int) -> int:
        """The number after which the events of a turn begin, to `follow` it without the turns before."""
        if turn == 1:
            return 0
        before = 0
        for event in await self.events.read(
            run_id, types=("run.started", "run.finished", "run.failed", "run.cancelled")
        ):
            if event.data["turn"] == turn:
                return event.seq - 1
            before = event.seq
        here = self.running.get(run_id)  # it has begun just now, nothing of it is stored yet
        return before if here is None else here.log.first_seq - 1

    async def wait(self, run_id: str, tenant: str, seconds: float | None = None) -> Run:
        """The run once its turn has ended, or as it stands after `seconds`.

        Raises:
            ServerUnavailable: this process ends before the turn does.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            here, told = self.running.get(run_id), self.events.told(run_id)
            left = None if until is None else until - time.monotonic()
            if here is not None and here.task is not None and (left is None or left > 0):
                await asyncio.wait({here.task}, timeout=left)
            run = await self.get(run_id, tenant)
            if run.status not in OPEN or (until is not None and time.monotonic() >= until):
                return run
            if self.closing:
                raise ServerUnavailable(
                    "the server is stopping",
                    hint="the session goes on when the server runs again: read it then",
                    retry_after=5.0,
                    details={"session_id": run_id},
                )
            if here is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self.events.news(run_id, told, POLL_SECONDS)

    async def cancel(self, run_id: str, tenant: str) -> Run:
        """Stop a run, wherever it runs; one that has ended stays as it is."""
        await self.get(run_id, tenant)
        if here := self.running.get(run_id):
            if here.task is not None:
                if not here.cancelled:  # a second one would break off how the first one ends the run
                    here.cancelled = True
                    here.task.cancel()
                await asyncio.wait({here.task})
            return await self.wait(run_id, tenant, 2.0)
        await self.store.request_cancel(run_id, tenant=tenant)
        until = time.monotonic() + CANCEL_SECONDS
        while True:
            run = await self.wait(run_id, tenant, SILENT_SECONDS / 2)
            if run.status not in OPEN or self.closing or time.monotonic() > until:
                return run
            # An owner that does not obey is dead, or as good as that: then it is ended here.
            epoch = await self.store.claim(
                run_id, self.owner, expected_epoch=run.epoch, stale_seconds=SILENT_SECONDS
            )
            if epoch is not None:
                log.info("runs.cancelled_for_another", run_id=run_id, was=run.owner)
                await self.resume(run, epoch)

    async def stop_part(self, run_id: str, tenant: str, part: str) -> Run:
        """Give up one part of a running run (a seat); the rest goes on."""
        run = await self.get(run_id, tenant)
        if here := self.running.get(run_id):
            found = here.context.stop_part(part)
        else:
            found = run.status in OPEN and await self._stop_elsewhere(run, part)
        if not found:
            raise NotFound(
                f"{part!r} is not being asked in {run_id}", hint="name a seat that has not answered yet"
            )
        return run

    async def obey(self) -> None:
        """Do what other processes asked of runs that are here: give up parts of them."""
        for stop in await self.store.stops.open(list(self.running)):
            here = self.running.get(stop.run_id)
            if here is not None:
                found = stop.turn == here.context.turn and here.context.stop_part(stop.part)
                await self.store.stops.answer(stop.id, found=found)

    async def _stop_elsewhere(self, run: Run, part: str) -> bool:
        stop = await self.store.stops.ask(run.id, run.turn, part)
        until = time.monotonic() + CANCEL_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(ANSWER_SECONDS)
            if (found := await self.store.stops.answered(stop)) is not None:
                return found
        if (await self.get(run.id, run.tenant)).status not in OPEN:
            return False
        # Whoever goes on with the run finds the request.
        raise Conflict(
            "the server that carries out this session has not answered yet",
            hint="the seat is stopped when it does; look at the session, or cancel it",
        )

    async def close(self) -> None:
        """Leave the runs to whoever claims them next: their logs hold what was done."""
        self.closing = True
        tasks = [here.task for here in self.running.values() if here.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.live.close()

    async def _begin(self, run: Begin, epoch: int, history: list[Event], *, cancelled: bool = False) -> None:
        last = await self.events.last_seq(run.id) if run.turn > 1 or history else 0
        events = Log(
            run.id, last_seq=last, epoch=epoch - 1, live=self.live,
            append=lambda batch: self._append(here, batch),
        )  # fmt: skip
        context = RunContext(
            run_id=run.id, tenant=run.tenant, principal=run.principal, turn=run.turn, input=run.input,
            seconds=run.seconds, log=events, history=history, carried=run.carried,
        )  # fmt: skip
        here = Running(run.id, epoch, events, context)
        here.cancelled = cancelled
        self.running[run.id] = here
        here.task = asyncio.create_task(self._carry_out(here, run.kind), name=f"run {run.id}")

    async def _carry_out(self, here: Running, kind: str) -> None:
        try:
            if here.cancelled:  # somebody asked for it while nobody ran it
                raise asyncio.CancelledError
            result = await self.handlers[kind](here.context)
            here.ending = True
            await here.context.emit("run.finished", {"result": result})
        except StaleOwner:
            log.warning("run.taken_over", run_id=here.run_id)
        except asyncio.CancelledError:
            if here.cancelled and not here.ending:
                stopped = Cancelled("the run was cancelled")
                await self._end(here, "run.cancelled", stopped)
        except QuorumError as error:
            await self._end(here, "run.failed", error)
        except Exception as error:
            log.exception("run.crashed", run_id=here.run_id)
            await self._end(
                here, "run.failed", QuorumError(f"internal error: {type(error).__name__}: {error}")
            )
        finally:
            try:
                await here.log.close()
            finally:
                self.running.pop(here.run_id, None)

    async def _end(self, here: Running, kind: str, error: QuorumError) -> None:
        try:
            data = {"error": error.to_dict(), "turn": here.context.turn}
            await here.log.emit(kind, data)  # type: ignore[arg-type]  # one of the endings
        except QuorumError as failure:
            log.exception("run.end_not_stored", run_id=here.run_id, error=str(failure))

    async def _append(self, here: Running, batch: list[Event]) -> None:
        # What a call said has been paid for: as long as the run has time, it is not given up.
        until = time.monotonic() + max(APPEND_PATIENCE, here.context.remaining())
        while True:
            try:
                return await self._append_once(here, batch)
            except StaleOwner:
                if here.task is not None:
                    here.task.cancel()
                raise
            except StoreUnavailable:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)

    async def _append_once(self, here: Running, batch: list[Event]) -> None:
        ending = batch[-1]
        if ending.type not in ENDINGS:
            return await self.events.append(here.run_id, here.epoch, batch)
        result = ending.data.get("result")
        status: FinalStatus = (
            "completed"
            if ending.type == "run.finished"
            else "cancelled"
            if ending.type == "run.cancelled"
            else "failed"
        )
        output = codec.encode_text(result if result is not None else {"error": ending.data["error"]})
        totals = here.context.totals
        await self.store.finish(
            here.run_id,
            here.epoch,
            status,
            output=output,
            total_cost=totals.nanos,
            calls=totals.calls,
            simulated=totals.simulated,
            events=batch,
        )
        if self.on_end is not None:
            self.on_end(here.context, status)
        return None

    async def _stored(self, run_id: str, after: int, here: Running | None) -> AsyncGenerator[Event, None]:
        """Stored events above `after`, up to where this process's own log begins."""
        for event in await self.events.read(run_id, after=after):
            if here is not None and event.seq >= here.log.first_seq:
                return
            yield event
