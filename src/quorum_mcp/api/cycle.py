"""One request on a connection of ours and its answer: uvicorn's own, with a short way for the model routes.

On the short way an answer goes out in one piece, its head and its body together, and whoever waits for something
is told at once when the caller has gone.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from quorum_mcp.providers.connections import header_lines

SHORT_WAY = "quorum.cycle"
"""The name of the ASGI extension under which a request's scope has its cycle."""


class Cycle(RequestResponseCycle):
    """A request and its answer; an `exchange.Out`."""

    gone: Callable[[], None] | None = None
    """Called when the caller goes before the answer has ended."""
    task: asyncio.Task[None] | None = None
    """Where the request is answered."""
    _head = b""
    """The head of a stream, until its first piece goes out."""

    def take_body(self) -> bytes | None:
        """The request's body, where all of it is here and nobody has taken any of it."""
        if self.more_body or self.disconnected or self.response_complete:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.message_event.clear()
        self.flow.resume_reading()
        self.waiting_for_100_continue = False
        return body

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole answer."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        self.transport.write(self._begin(status, headers, f"content-length: {len(body)}\r\n") + body)
        self._end()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin a stream; its head goes out with the first piece."""
        self._head = self._begin(status, headers, "transfer-encoding: chunked\r\n")

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of a stream."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        chunk = self._chunk(data) if data else self._head
        self._head = b""
        self.transport.write(chunk + b"0\r\n\r\n" if last else chunk)
        if last:
            self._end()

    def at_once(self, data: bytes) -> bool:
        """Send a piece of a stream now; False where the caller has not taken enough of what was sent before."""
        if self.disconnected or not data:
            return True
        if self.flow.write_paused:
            return False
        if self._head:
            data, self._head = self._chunk(data), b""
        else:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.transport.write(data)
        return True

    def lost(self) -> None:
        """The connection is gone."""
        if self.gone is not None and not self.response_complete:
            self.gone()

    def _begin(self, status: int, headers: Mapping[str, str], length: str) -> bytes:
        self.response_started = True
        self.waiting_for_100_continue = False
        if self.access_log:
            where, what = get_client_addr(self.scope), get_path_with_query_string(self.scope)
            line = where, self.scope["method"], what, self.scope["http_version"], status
            self.access_logger.info('%s - "%s %s HTTP/%s" %d', *line)
        lines = header_lines(headers)
        if not self.keep_alive:
            length += "connection: close\r\n"
        own = _own_lines(tuple(self.default_headers))
        return b"%b%b%b\r\n" % (STATUS_LINE[status], own, (length + lines).encode("latin-1", "replace"))

    def _chunk(self, data: bytes) -> bytes:
        return b"%b%x\r\n%b\r\n" % (self._head, len(data), data)

    def _end(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(maxsize=2)
def _own_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The server's own headers; they change once a second, with the date."""
    return b"".join([b"%b: %b\r\n" % line for line in headers])
