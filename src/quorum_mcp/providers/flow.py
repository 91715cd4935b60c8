"""The rest of a stream that is passed on as it is: from one connection to the other, a piece at a time.

A piece goes out in the step in which it comes in, and nobody is woken for it, as long as whoever asked takes what is
sent.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from quorum_mcp.codec import JSONError
from quorum_mcp.errors import QuorumError
from quorum_mcp.providers.native import NativeStream
from quorum_mcp.providers.transport import Response


class Sink(Protocol):
    """Whoever asked."""

    def at_once(self, data: bytes) -> bool:
        """Send a piece now; False where that has to wait, and nothing was sent."""
        ...

    async def piece(self, data: bytes) -> None:
        """Send a piece as soon as possible."""
        ...


class Flow:
    """A stream of which the first piece was passed on; whoever has it may pour the others `into` a sink, once.

    Attributes:
        told: called with the text of every piece.
    """

    def __init__(self, response: Response, look: NativeStream) -> None:
        self.told: Callable[[str], None] = _unheard
        self._response = response
        self._look = look
        self._over = False
        self._waiting = b""
        self._error: Exception | None = None

    async def into(self, sink: Sink) -> None:
        """Pass everything on. Raises only what the sink raises: `check` tells what is wrong with the stream."""
        take = partial(self._take, sink)
        while not self._over:
            try:
                self._over = await self._response.pour(take) or self._over
            except QuorumError as error:
                self._error, self._over = error, True
            if self._waiting:
                data, self._waiting = self._waiting, b""
                await sink.piece(data)

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error is not None:
            raise self._error

    def _take(self, sink: Sink, data: bytes) -> bool:
        """Pass a piece on; whether the next one may be."""
        look = self._look
        try:
            passed = look.feed(data)
        except (QuorumError, JSONError) as error:
            self._error, self._over = error, True
            return False
        if passed is not None:
            self.told(passed.text)
            if not sink.at_once(passed.data):
                self._waiting = passed.data
        self._over = look.ended
        return not (self._over or self._waiting)


def _unheard(_: str) -> None:
    pass
