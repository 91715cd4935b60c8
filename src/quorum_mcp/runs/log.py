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

from msgspec import Struct

from quorum_mcp.errors import QuorumError
from quorum_mcp.events import ENDINGS, Event, EventType, now

LAZY_SECONDS = 0.03
DELTA_SECONDS = 0.05
EPOCH_STRIDE = 1_000_000  # every claim of a run numbers from a new million, so unstored numbers never recur

Append = Callable[[list[Event]], Awaitable[None]]


class Partial(Struct):
    """The text of a call in progress; `shown` characters of it have been given number `seq`."""

    data: dict[str, Any]
    type: EventType
    text: str = ""
    shown: int = 0
    seq: int = 0


class Log:
    """Writes a run's events through `append` (one transaction per batch) and feeds followers."""

    def __init__(self, run_id: str, *, last_seq: int, epoch: int, append: Append) -> None:
        self.run_id = run_id
        self.first_seq = max(last_seq + 1, epoch * EPOCH_STRIDE + 1)
        self._next = self.first_seq
        self._append = append
        self._events: list[Event] = []
        self._pending: list[tuple[EventType, dict[str, Any], str]] = []
        self._flushed: asyncio.Future[None] | None = None
        self._partials: dict[str, Partial] = {}
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
        partial = self._partials.get(key)
        if partial is None:
            partial = self._partials[key] = Partial(data=data, type=kind)
        partial.text += text
        self._wake.set()

    def forget(self, key: str) -> None:
        """The call ended or starts anew: its live text is dropped."""
        self._partials.pop(key, None)

    async def close(self) -> None:
        """Commit what is pending and let followers end."""
        self._closing = True
        self._wake.set()
        self._urgent.set()
        await asyncio.gather(self._writer, return_exceptions=True)

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
        found = self._events[start:]
        for key, partial in self._partials.items():
            if partial.seq > after:
                offset = offsets.get(key, 0)
                if offset > partial.shown:  # the call began anew
                    offset = 0
                data = partial.data | {"offset": offset, "text": partial.text[offset : partial.shown]}
                offsets[key] = partial.shown
                found.append(Event(self.run_id, partial.seq, now(), partial.type, data))
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
        for event in events:
            if event.type in ("call.finished", "call.failed"):
                self.forget(str(event.data.get("key")))
            elif event.type in ENDINGS:
                self._partials.clear()
        if waiter is not None:
            waiter.set_result(None)
        self._publish()

    def _show_deltas(self) -> None:
        shown = False
        for partial in self._partials.values():
            if len(partial.text) > partial.shown:
                partial.shown = len(partial.text)
                partial.seq = self._next
                self._next += 1
                shown = True
        if shown:
            self._publish()

    def _publish(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _retrieve(future: asyncio.Future[None]) -> None:
    """Mark a failure as seen: an event that was only noted has nobody waiting for it."""
    if not future.cancelled():
        future.exception()
