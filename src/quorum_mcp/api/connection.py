"""One HTTP connection: uvicorn's own protocol, which also refuses what is too large, too slow or ambiguous.

The parser refuses most shapes that two servers could read apart (two lengths, a length beside chunks, bare line
ends, folded headers). What is refused here besides: other versions of HTTP, transfer codings that nobody undoes,
a host in the request's line that is not the one in `Host`, heads that are too large, whatever takes too long. An
upgrade that is not offered is no reason to lose a body: the request is read again without it.

Nothing is timed for each request: `sweep` looks at every connection once a second.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from quorum_mcp import codec
from quorum_mcp.api.cycle import SHORT_WAY, Cycle
from quorum_mcp.errors import InvalidInput

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""
MAX_HEADERS = 200
HEAD_SECONDS = 15
"""How long a head may take, from its first byte or from when the connection was made."""
BODY_SECONDS = 30
"""How long a body may take beyond what `BODY_RATE` allows for its size."""
BODY_RATE = 1024
"""Bytes a second of the slowest body."""
KEEP_SECONDS = 75
"""How long a connection may ask for nothing: longer than clients (5 s) and balancers (60 s) keep theirs, so that they
let go first. The other way round, a request would now and then meet a connection that has just ended."""
STALL_SECONDS = 120
"""How long a caller may take nothing at all of an answer that waits for it."""
PADDING = 16
"""How many bytes a chunked body may take on the wire for each of its own, beyond `MAX_HEAD`."""
LINGER_SECONDS = 2
"""How long what still comes after a refusal is dropped: closing at once would lose the refusal on its way."""
SWALLOWED = 128 * 1024 * 1024
"""Bytes that are dropped of a body whose answer is out before it."""


class Refusal(NamedTuple):
    """Why a request is not served."""

    status: int
    message: str
    hint: str

    def body(self) -> bytes:
        """As every surface says errors that are nobody's dialect."""
        error = InvalidInput(self.message, hint=self.hint)
        return codec.encode({"error": error.to_dict()})


BROKEN = Refusal(400, "this is no HTTP request", "RFC 9112 says what one looks like")
TOO_LARGE = Refusal(431, f"line and headers are larger than {MAX_HEAD} bytes", "send less in them")


class _Stop(Exception):
    """Ends the parser's work on a request that is refused."""


class Connection(HttpToolsProtocol):
    """A connection.

    Attributes:
        age: sweeps since it began to wait for what it waits for.
        received: bytes of the request that is being read, as they came; `held` those of its body.
        reading: whether a request, or the first one, is not yet whole; `in_head` whether its head is not.
        leaving: whether a refusal is out, and the connection about to end.
        waiting: bytes of an answer that the caller had not taken at the last sweep.
    """

    age = received = held = waiting = 0
    reading = in_head = True
    leaving = False
    refused: Refusal | None = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self.leaving:
            return
        self.received += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._read_again(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(self.refused or BROKEN)
            return
        if self.received > MAX_HEAD and self.reading:
            if self.in_head:
                self._refuse(TOO_LARGE)
            elif self.received > 2 * MAX_HEAD + PADDING * self.held:
                self._refuse(Refusal(400, "the chunks are mostly no data", "send larger chunks"))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.reading = self.in_head = True
        self.age = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head, then serve the request."""
        self.refused = self._wrong_head()
        if self.refused is not None:
            raise _Stop
        self.in_head = False
        self.scope["method"] = self.parser.get_method().decode("ascii")
        if not self.parser.should_upgrade():
            self._serve()

    def _serve(self) -> None:
        """As uvicorn does it, with a cycle of ours; what is asked for before an answer is out waits."""
        scope, app, parser = cast("Any", self.scope), cast("Any", self.app), self.parser
        version = parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["http_version"] = version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + url.path
        scope["query_string"] = url.query or b""
        before: Any = self.cycle  # None before the first request
        self.cycle = cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        scope["extensions"] = {SHORT_WAY: cycle}
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        task = cycle.task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone; so is whoever waited for an answer."""
        super().connection_lost(exc)
        if isinstance(self.cycle, Cycle):
            self.cycle.lost()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self.held += len(body)
        if self.cycle.response_complete and self.received > SWALLOWED:
            self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.parser.should_upgrade():
            return  # `data_received` goes on with it
        self.reading = False
        self.received = self.held = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out. What was asked meanwhile is next; else `look` ends a connection that asks for no more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def look(self) -> None:
        """Once a second: end what takes too long."""
        if self.transport.is_closing():
            return
        if self.leaving:
            self.age += 1
            if self.age > LINGER_SECONDS:
                self.transport.abort()
            return
        before, self.waiting = self.waiting, self.transport.get_write_buffer_size()
        stalled = self.waiting > 0 and self.waiting == before
        self.age = self.age + 1 if stalled or self._awaited() else 0
        if stalled:
            if self.age > STALL_SECONDS:
                self.transport.abort()
        elif not self.reading:
            if self.age > KEEP_SECONDS:
                self.transport.close()
        elif self.in_head and self.age > HEAD_SECONDS:
            self._refuse(Refusal(408, f"no whole head within {HEAD_SECONDS} s", "send it at once"))
        elif self.age > BODY_SECONDS + self.received // BODY_RATE:
            self._refuse(Refusal(408, "the body comes too slowly", f"send {BODY_RATE} bytes a second"))

    def _awaited(self) -> bool:
        """Whether it is the caller's turn."""
        if not self.reading:
            return self.cycle.response_complete
        called_for = self.in_head or not self.cycle.waiting_for_100_continue
        return called_for and not self.flow.read_paused

    def _wrong_head(self) -> Refusal | None:
        """What is wrong with the head that was read."""
        headers, version = self.headers, self.parser.get_http_version()
        fields = dict(headers)
        if version not in ("1.1", "1.0"):
            return Refusal(505, f"HTTP/{version} is not spoken here", "use HTTP/1.1")
        if len(headers) > MAX_HEADERS:
            return Refusal(431, f"there are more than {MAX_HEADERS} headers", "send fewer")
        if self.received > MAX_HEAD and sum(len(a) + len(b) for a, b in headers) + len(self.url) > MAX_HEAD:
            return TOO_LARGE
        if b"transfer-encoding" in fields:
            codings = {value.lower() for name, value in headers if name == b"transfer-encoding"}
            if version == "1.0" or codings != {b"chunked"}:
                return Refusal(501, "this transfer coding is not undone here", "send plain or chunked bodies")
        self.expect_100_continue = fields.get(b"expect", b"").lower() == b"100-continue"
        if not self.url.startswith(b"/"):
            return self._wrong_target()
        return None

    def _wrong_target(self) -> Refusal | None:
        """A whole URL in the request's line is only taken where it names the same host as the header."""
        host = self.url.partition(b"://")[2].partition(b"/")[0]
        if self.parser.get_method() == b"CONNECT" or host not in [v for n, v in self.headers if n == b"host"]:
            return Refusal(400, "the request's line does not name this server", "send a path in it")
        return None

    def _read_again(self, rest: bytes) -> None:
        """Read the request as if it had asked for no upgrade; `rest` came after its head."""
        lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(word for word in value.split(b",") if word.strip().lower() != b"upgrade")
            if name != b"upgrade":
                lines.append(b"%s: %s" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self.received = 0
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _refuse(self, why: Refusal) -> None:
        """Say why and leave; an answer that has begun is only cut."""
        if self.leaving or self.transport.is_closing():
            return
        self.leaving, self.age = True, 0
        self.flow.resume_reading()
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        body = why.body()
        lines = [*self.server_state.default_headers, (b"content-type", b"application/json")]
        lines += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[why.status] + head + b"\r\n" + body)
        self.transport.write_eof()


def sweep(connections: Iterable[Any]) -> None:
    """Look at every connection; called once a second."""
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.look()
