"""A value of the store that is asked for with every request: read once a second, and known a little longer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from msgspec import Struct

from quorum_mcp.errors import StoreUnavailable

T = TypeVar("T")
FRESH_SECONDS = 1.0
"""How old a value may be while the store can be read."""
PATIENCE_SECONDS = 0.5
"""How long a slow store is waited for by somebody who has a value."""


class Read(Struct, Generic[T], frozen=True):
    """What was read, and when that was asked for (monotonic seconds)."""

    value: T
    at: float


class Recent(Generic[T]):
    """One value, read by whoever needs it first; the others wait for the same read.

    Args:
        read: reads it from the store.
        grace: for how many seconds the last value holds while the store is away.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], *, grace: float) -> None:
        self._read = read
        self._grace = grace
        self._last: Read[T] | None = None
        self._tried = -FRESH_SECONDS
        self._task: asyncio.Task[T] | None = None

    @property
    def last(self) -> T | None:
        """What was read last, however long ago; None where nothing was."""
        return None if self._last is None else self._last.value

    @property
    def fresh(self) -> T | None:
        """What was read within `FRESH_SECONDS`; None where it has to be asked for."""
        last = self._last
        return last.value if last is not None and time.monotonic() - last.at < FRESH_SECONDS else None

    async def get(self) -> T:
        """The value.

        Raises:
            StoreUnavailable: the store cannot be read, and nothing that was read lately is known.
        """
        now, last = time.monotonic(), self._last
        if last is not None and now - last.at < FRESH_SECONDS:
            return last.value
        if last is None or now - last.at >= self._grace:
            return await asyncio.shield(self._reading())
        if now - self._tried < FRESH_SECONDS and self._task is None:
            return last.value  # the store was away just now
        task = self._reading()
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if not task.done() or isinstance(task.exception(), StoreUnavailable):
            return last.value
        return task.result()

    def forget(self) -> None:
        """Read it again before it is used the next time; what is being read now was asked for too early."""
        self._last = self._task = None

    def put(self, value: T) -> None:
        """Know the value without reading it."""
        self._last, self._task = Read(value, time.monotonic()), None

    def _reading(self) -> "asyncio.Task[T]":
        if self._task is None:
            self._task = asyncio.create_task(self._load())
            self._task.add_done_callback(self._done)
        return self._task

    async def _load(self) -> T:
        asked = self._tried = time.monotonic()
        value = await self._read()
        if self._task is asyncio.current_task():
            self._last = Read(value, asked)
        return value

    def _done(self, task: "asyncio.Task[T]") -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; it is no news if nobody does any more
