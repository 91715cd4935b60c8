"""Something that opens with its first use: importing and opening it is not paid for by those who never need it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Generic[T]):
    """What `open_` opens, from the first `get` until `close`.

    One task opens and closes it, so that what it holds is released by the task that took it.
    """

    def __init__(self, open_: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._open = open_
        self._ready: asyncio.Future[T] | None = None
        self._done = asyncio.Event()
        self._holder: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """The open thing. Raises what opening failed with; the next call tries again."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._holder = asyncio.create_task(self._hold(self._ready), name="late")
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """Close what was opened."""
        self._done.set()
        if self._holder is not None:
            await self._holder

    async def _hold(self, ready: "asyncio.Future[T]") -> None:
        try:
            async with self._open() as opened:
                ready.set_result(opened)
                await self._done.wait()
        except Exception as error:
            if ready.done():
                raise
            self._ready = None
            ready.set_exception(error)
