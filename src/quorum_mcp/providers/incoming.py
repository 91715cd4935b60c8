"""An answer on its way from a provider: its head, then its body in pieces, unpacked where it came packed."""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

HIGH_WATER = 64 * 1024
"""Bytes of an answer that may wait for their reader before the provider is held back."""
UNPACKED = 1 << 20
"""Bytes that are unpacked at once."""


class Carrier(Protocol):
    """The connection that an answer comes on."""

    loop: asyncio.AbstractEventLoop

    def drop(self) -> None:
        """End it at once."""
        ...

    def go_on(self) -> None:
        """The reader has room again."""
        ...


class Unpacker(Protocol):
    """Undoes a content coding; `zlib` gives it no public name."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was fed and does not fit what was asked for."""
        ...

    def decompress(self, data: bytes, most: int, /) -> bytes:
        """At most so many bytes."""
        ...


class Incoming:
    """An answer that was asked for: its head is here once `begun` has returned, its body is read after that.

    Attributes:
        status: of its head, 0 before that is here.
        whole: whether all of it is here.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_pieces",
        "_size",
        "_taker",
        "_unpacker",
        "_waiter",
        "headers",
        "status",
        "whole",
    )

    def __init__(self, connection: Carrier) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.whole = False
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unpacker: Unpacker | None = None
        self._taker: Callable[[bytes], bool] | None = None

    async def begun(self) -> "Incoming":
        """Wait for the head; whoever stops waiting drops the connection.

        Raises `OSError`, and `BadProviderAnswer` for what is no HTTP.
        """
        try:
            while not self.status and self._error is None:
                await self._more()
            if self._error is not None:
                raise self._error
        except BaseException:
            self._connection.drop()
            raise
        return self

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head is here."""
        self.status, self.headers = status, headers
        if headers.get("content-encoding", "identity").lower() in ("gzip", "x-gzip", "deflate"):
            self._unpacker = zlib.decompressobj(47)
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to read."""
        return self.whole and not self._pieces and self._error is None

    async def read(self, most: int) -> bytes:
        """What is there of the body, waiting for some; empty at its end. At most so many bytes as came; -1: all.

        Raises:
            OSError: the connection ended before the answer did, or what is packed cannot be unpacked.
        """
        while True:
            while not self._pieces and not self.whole and self._error is None:
                await self._more()
            if self._error is not None:
                raise self._error
            data = self._take(most)
            if self._unpacker is None or not data:
                return data
            if unpacked := self._unpack(data):
                return unpacked

    @property
    def packed(self) -> bool:
        """Whether the body has to be unpacked."""
        return self._unpacker is not None

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """Give a body that is not packed to `take`, each piece in the step in which it comes, until it returns False.

        Returns whether that was all of it. Raises `OSError` as `read` does; what `take` raises nobody hears.
        """
        while self._pieces:
            if not take(self._take(-1)):
                return False
        if not self.whole and self._error is None:
            self._taker = take
            try:
                while self._taker is not None and not self.whole and self._error is None:
                    await self._more()
            finally:
                self._taker = None
        if self._error is not None:
            raise self._error
        return self.whole and not self._pieces

    def feed(self, data: bytes) -> bool:
        """A piece of the body; whether no more should come for now."""
        if self._taker is not None:
            if not self._taker(data):
                self._taker = None
                self._wake()
            return False
        self._pieces.append(data)
        self._size += len(data)
        self._wake()
        return self._size > HIGH_WATER

    def end(self) -> None:
        """The body is whole."""
        self.whole = True
        self._wake()

    def set_exception(self, error: BaseException) -> None:
        """Whoever waits for it gets this error, and nothing more comes."""
        if self._error is None and not (self.whole and not self._pieces):
            self._error = error
            self._wake()
            if not self.whole:
                self._connection.drop()

    def close(self) -> None:
        """Let the connection go; before the body's end that drops it, which tells the provider to stop."""
        if not self.whole:
            self._connection.drop()

    async def _more(self) -> None:
        self._waiter = self._connection.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self, most: int) -> bytes:
        if not self._pieces:
            return b""
        if most < 0 or self._size <= most:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
        else:
            data = self._pieces.popleft()
            if len(data) > most:
                self._pieces.appendleft(data[most:])
                data = data[:most]
        self._size -= len(data)
        if not self.whole and self._size <= HIGH_WATER // 2:
            self._connection.go_on()
        return data

    def _unpack(self, data: bytes) -> bytes:
        """No more than `UNPACKED` at once: a small answer may be made to become a huge one."""
        assert self._unpacker is not None
        try:
            unpacked = self._unpacker.decompress(data, UNPACKED)
        except zlib.error as error:
            raise OSError(f"cannot be unpacked: {error}") from error
        if tail := self._unpacker.unconsumed_tail:
            self._pieces.appendleft(tail)
            self._size += len(tail)
        return unpacked
