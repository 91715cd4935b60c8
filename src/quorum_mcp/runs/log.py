"""The numbered log of one run that this process owns: written in order, followed live.

Contract: an event is visible to followers only after it is committed, and in the order of its number.
Deltas are the exception: they are shown every 50 ms, never stored, and forgotten when their call ends,
because `call.finished` holds the whole text.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from quorum_mcp.errors import QuorumError
from quorum_mcp.events import ENDINGS, Event, EventType, now
from quorum_mcp.runs.live import Live
from quorum_mcp.runs.partials import Partials

LAZY_SECONDS = 0.03
DELTA_SECONDS = 0.05
EPOCH_STRIDE = 1_000_000  # every claim of a run numbers from a new million, so unstored numbers never recur

Append = Callable[[list[Event]], Awaitable[None]]


class Log:
    """Writes a run's events through `append` (one transaction per batch) and feeds followers."""

    def __init__(
        self, run_id: str, *, last_seq: int, epoch: int, append: Append, live: Live | None = None
    ) -> None:
        self.run_id = run_id
        self.first_seq = max(last_seq + 1, epoch * EPOCH_STRIDE + 1)
        self._next = self.first_seq
        self._append = append
        self._events: list[Event] = []
        self._pending: list[tuple[EventType, dict[str, Any], str]] = []
        self._flushed: asyncio.Future[None] | None = None
        self._partials = Partials()
        self._stored = last_seq
        self._teller = (live or Live()).teller(run_id, self._partials, lambda: self._stored)
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = False
        self.closed = False
        self._writer = asyncio.create_task(self._write(), name=f"log {run_id}")

    async def emit(self, kind: EventType, data: dict[str, Any]) -> None:
        """Append an event and return when it is committed. Raises what the store raised."""
        waiter = self.note(kind, data)
        self._urgent.set()
        await asyncio.shield(waiter)

    def note(self, kind: EventType, data: dict[str, Any]) -> asyncio.Future[None]:
        """Append an event that may be committed a little later, with the next that may not."""
        if self._flushed is None:
            self._flushed = asyncio.get_running_loop().create_future()
            self._flushed.add_done_callback(_retrieve)
        self._pending.append((kind, data, now()))
        self._wake.set()
        return self._flushed

    def delta(self, key: str, text: str, data: dict[str, Any], kind: EventType = "call.delta") -> None:
        """Add live text to the call (or synthesis) `key`; `data` names it in every delta."""
        self._partials.add(key, text, data, kind)
        self._wake.set()

    def forget(self, key: str) -> None:
        """The call ended or starts anew: its live text is dropped."""
        self._partials.forget(key)

    async def close(self) -> None:
        """Commit what is pending and let followers end."""
        self._closing = True
        self._wake.set()
        self._urgent.set()
        await asyncio.gather(self._writer, return_exceptions=True)
        if self._teller is not None:
            await self._teller.close()

    async def follow(self, after: int) -> AsyncGenerator[Event, None]:
        """Events numbered above `after`, live, until the log closes; open calls begin with their text so far."""
        offsets: dict[str, int] = {}
        while True:
            changed, closed = self._changed, self.closed
            for event in self._since(after, offsets):
                after = event.seq
                yield event
            if closed:
                return
            await changed.wait()

    def _since(self, after: int, offsets: dict[str, int]) -> list[Event]:
        start = bisect_right(self._events, after, key=lambda event: event.seq)
        found = self._events[start:] + self._partials.since(self.run_id, after, offsets)
        return sorted(found, key=lambda event: event.seq)

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                if not self._urgent.is_set():
                    pause = LAZY_SECONDS if self._pending else DELTA_SECONDS
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._urgent.wait(), pause)
                self._wake.clear()
                self._urgent.clear()
                await self._flush()
                self._show_deltas()
                if self._closing and not self._pending:
                    return
        finally:
            self.closed = True
            self._publish()

    async def _flush(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        waiter, self._flushed = self._flushed, None
        events: list[Event] = []
        for kind, data, ts in batch:
            events.append(Event(self.run_id, self._next, ts, kind, data))
            self._next += 1
        try:
            await self._append(events)
        except QuorumError as error:
            if waiter is not None:
                waiter.set_exception(error)
            return
        self._events.extend(events)
        self._stored = events[-1].seq
        for event in events:
            if event.type in ("call.finished", "call.failed"):
                self.forget(str(event.data.get("key")))
            elif event.type in ENDINGS:
                self._partials.clear()
        if waiter is not None:
            waiter.set_result(None)
        self._publish()

    def _show_deltas(self) -> None:
        first, self._next = self._next, self._partials.show(self._next)
        if self._next > first:
            self._publish()
            if self._teller is not None:
                self._teller.tell()

    def _publish(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _retrieve(future: asyncio.Future[None]) -> None:
    """Mark a failure as seen: an event that was only noted has nobody waiting for it."""
    if not future.cancelled():
        future.exception()
