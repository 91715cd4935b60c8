"""HTTP/1.1 to providers without a proxy between: kept connections, one request at a time on each.

A client of a few hundred lines over httptools: it does what the wires need, at a third of what a general one costs
for each call. What needs more (proxies) goes through aiohttp, and answers look the same: `status`, `headers`,
`read`, `set_exception`, `close`. `pool` keeps the connections.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import httptools

from quorum_mcp.errors import BadProviderAnswer
from quorum_mcp.providers.incoming import Incoming

MAX_HEAD = 256 * 1024
Key = tuple[str, int, bool]
"""Whom connections are to: host, port, and whether by TLS."""


class Target(NamedTuple):
    """Where a URL leads; `line` is what follows the method in a request, up to the headers of all requests."""

    host: str
    port: int
    secure: bool
    line: str


@lru_cache(maxsize=1_000)
def target_of(url: str) -> Target:
    """Raises `ValueError` for a URL that cannot be used."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a server")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    fixed = f"{path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: quorum-mcp\r\n"
    if any(sign <= " " for sign in path + host):
        raise ValueError(f"{url!r} is not encoded")
    return Target(parts.hostname, parts.port or (443 if secure else 80), secure, fixed)


def header_lines(headers: Mapping[str, str]) -> str:
    """Headers as they are sent, each with its line's end. Raises `ValueError` for one that cannot be."""
    if not headers:
        return ""
    lines, ends = "\r\n".join(map(": ".join, headers.items())), len(headers) - 1
    if lines.count("\n") != ends or lines.count("\r") != ends:
        raise ValueError("a header has more than one line")
    return lines + "\r\n"


def encoded(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request as it is sent; it takes gzip and deflate where its headers do not say.

    Raises `ValueError` for a header that cannot be sent.
    """
    lines = header_lines(headers)
    if "accept-encoding" not in headers:
        lines += "accept-encoding: gzip, deflate\r\n"
    if body or method == "POST":
        lines += f"content-length: {len(body)}\r\n"
    return f"{method} {target.line}{lines}\r\n".encode() + body


class Keeper(Protocol):
    """Whose a connection is while nobody asks on it."""

    def keep(self, connection: "Connection") -> None:
        """Nobody uses it any more."""
        ...

    def forget(self, connection: "Connection") -> None:
        """It is gone."""
        ...


class Connection(asyncio.Protocol):
    """One connection; it is its keeper's again when its answer is whole."""

    def __init__(self, pool: Keeper, key: Key) -> None:
        self._pool = pool
        self.key = key
        self.loop = asyncio.get_running_loop()  # once: it costs a system call
        self.idle_since = 0.0
        self.open = False
        self._transport: asyncio.Transport | None = None
        self._answer: Incoming | None = None
        self._paused = self._complete = self._stays = False
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # by the parser, for each chunk: no frame of ours
        self._parser = httptools.HttpResponseParser(self)

    def ask(self, data: bytes) -> Incoming:
        """Send a request; its answer."""
        assert self._transport is not None
        self._answer = answer = Incoming(self)
        self._received, self._headers = 0, dict[str, str]()
        self._in_head, self._until_end = True, False
        self._transport.write(data)
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: an answer that had to be read to the end is whole, any other is cut."""
        self.open = False
        self._pool.forget(self)
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if self._until_end and exc is None:
            answer.end()
        else:
            until = "before the answer did" if answer.status else "without an answer"
            answer.set_exception(exc or ConnectionError(f"the connection ended {until}"))

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        answer = self._answer
        if answer is None:  # nobody asked
            self.drop()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BadProviderAnswer(f"the answer is no HTTP: {error}"))
            return
        if self._in_head:
            self._received += len(data)
            if self._received > MAX_HEAD:
                self._fail(BadProviderAnswer("the answer is no HTTP: its head has no end"))
                return
        if pieces := self._pieces:
            more = answer.feed(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            pieces.clear()
            if more and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        if self._complete:
            self._end()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        """The head is whole; one that only says that another follows is dropped."""
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, {}
        if status < 200 or self._answer is None:
            return
        self._in_head = False
        self._until_end = "content-length" not in headers and "transfer-encoding" not in headers
        self._answer.begin(status, headers)

    def on_message_complete(self) -> None:
        """The answer is whole, once its pieces are fed."""
        self._complete = not self._in_head
        self._stays = self._parser.should_keep_alive()

    def _end(self) -> None:
        answer, self._answer, self._complete = self._answer, None, False
        assert answer is not None
        answer.end()
        self.go_on()
        if self._stays:
            self._pool.keep(self)
        else:
            self.drop()

    def go_on(self) -> None:
        """The reader has room again."""
        if self._paused and self._transport is not None and self.open:
            self._paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """End it at once."""
        self.open = False
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None:
            self._answer.set_exception(error)
        self.drop()
