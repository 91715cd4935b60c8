"""HTTP to providers: kept connections, time limits that say what was late, bounded answers.

aiohttp is loaded by the first request, not by the import of this module.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.request import getproxies_environment, proxy_bypass

from msgspec import Struct, field

from quorum_mcp.errors import BadProviderAnswer, ProviderTimeout, ProviderUnavailable
from quorum_mcp.providers.base import Timeouts

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, ClientTimeout
    from yarl import URL

MAX_BODY = 64 * 1024 * 1024
"""Bytes that one answer may have, unpacked."""
PIECE = 64 * 1024
"""Bytes that are taken at once: what a slow reader has not taken waits below, where it holds the provider back."""

T = TypeVar("T")


class HttpRequest(Struct, frozen=True):
    """One request to an absolute, already encoded URL."""

    method: Literal["GET", "POST"]
    url: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class HttpAnswer(Struct, frozen=True):
    """A whole answer; its headers are found under their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Clock:
    """The time limits of one request."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeouts = timeouts
        began = self._loop.time()
        self._end = began + timeouts.total
        self._limit = min(began + timeouts.first_byte, self._end)
        self._started = self._waiting = False
        self._timer: asyncio.TimerHandle | None = None
        self._tell: Callable[[ProviderTimeout], None] | None = None

    async def head(self, answer: Awaitable[T]) -> T:
        """What `answer` waits for, which comes before the first byte. Raises `ProviderTimeout`."""
        scope = asyncio.timeout_at(self._limit)
        try:
            async with scope:
                return await answer
        except TimeoutError:
            if not scope.expired():
                raise
            raise self._late() from None

    def watch(self, late: Callable[[ProviderTimeout], None]) -> None:
        """Call `late` with the error when a limit is passed while somebody `waits`, until `stop`."""
        self._tell = late
        self._arm(self._limit)

    def stop(self) -> None:
        """No limit holds any more."""
        if self._timer is not None:
            self._timer.cancel()

    def waits(self) -> None:
        """The next piece of the body is waited for, from now. A reader that is slow itself is not counted.

        The timer stays as it is and looks again when it fires: setting it anew for each piece would cost more
        than reading the piece.
        """
        self._waiting = True
        if self._started:
            self._limit = min(self._loop.time() + self._timeouts.idle, self._end)

    def came(self) -> None:
        """The piece is here."""
        self._waiting = False
        if not self._started:
            self._started = True
            self.stop()  # the idle limit may be over before the first byte's would have been
            self._arm(self._loop.time() + self._timeouts.idle)

    def _arm(self, when: float) -> None:
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if not self._waiting:
            self._arm(now + self._timeouts.idle)
        elif now < self._limit:
            self._arm(self._limit)
        elif self._tell is not None:
            self._tell(self._late())

    def _late(self) -> ProviderTimeout:
        if self._limit == self._end:
            return late(self._timeouts.total)
        if self._started:
            return ProviderTimeout(f"the answer stopped for {self._timeouts.idle:g} s")
        return ProviderTimeout(f"no first byte within {self._timeouts.first_byte:g} s")


def late(seconds: float) -> ProviderTimeout:
    """The error of an answer that was not complete in time."""
    return ProviderTimeout(f"no complete answer within {seconds:g} s")


class Response:
    """An answer whose body is still to be read."""

    def __init__(self, raw: "ClientResponse", clock: Clock, max_body: int) -> None:
        self._raw = raw
        self._clock = clock
        self._max = max_body
        self.status = raw.status
        self.headers: dict[str, str] = {name.lower(): value for name, value in raw.headers.items()}
        clock.watch(raw.content.set_exception)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, until its end. Raises `ProviderTimeout`, and `BadProviderAnswer` where it is cut."""
        from aiohttp import ClientError

        size, content, clock = 0, self._raw.content, self._clock
        while True:
            try:
                clock.waits()
                data = await content.read(PIECE)
            except (ClientError, OSError) as error:
                raise BadProviderAnswer(f"the answer was cut: {_reason(error)}") from error
            clock.came()
            if not data:
                return
            size += len(data)
            if size > self._max:
                raise BadProviderAnswer(f"the answer is larger than {self._max} bytes")
            yield data

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def drain(self, seconds: float = 0.1) -> None:
        """Read to the end after the answer's own end marker, so that the connection can be kept.

        A server that leaves the stream open after its end marker costs `seconds` and its connection.
        """
        from aiohttp import ClientError

        try:
            async with asyncio.timeout(seconds):
                while await self._raw.content.readany():
                    pass
        except (TimeoutError, ClientError, OSError):
            self._raw.close()


class Transport:
    """One pool of connections, for all providers of a process."""

    def __init__(self, *, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._session: ClientSession | None = None

    @asynccontextmanager
    async def open(self, request: HttpRequest, timeouts: Timeouts) -> AsyncGenerator[Response, None]:
        """Send and wait for the head of the answer.

        Leaving the block before the body's end drops the connection, which tells the provider to stop.

        Raises:
            ProviderUnavailable: no connection, or it ended before an answer began.
            ProviderTimeout: a limit was passed.
        """
        session = self._session or self._start()  # before the clock starts: the first one loads aiohttp
        clock = Clock(timeouts)
        raw = await clock.head(self._sent(session, request, timeouts))
        try:
            yield Response(raw, clock, self._max_body)
        finally:
            clock.stop()
            # After its last byte the connection is already back in the pool and this does nothing.
            raw.close()

    async def fetch(self, request: HttpRequest, timeouts: Timeouts) -> HttpAnswer:
        """Send and read the whole answer."""
        if min(timeouts.first_byte, timeouts.idle) < timeouts.total:
            async with self.open(request, timeouts) as response:
                return HttpAnswer(response.status, response.headers, await response.read())
        session = self._session or self._start()
        scope = asyncio.timeout(timeouts.total)
        try:
            async with scope:
                return await self._whole(await self._sent(session, request, timeouts))
        except TimeoutError:
            if not scope.expired():
                raise
            raise late(timeouts.total) from None

    async def _whole(self, raw: "ClientResponse") -> HttpAnswer:
        from aiohttp import ClientError

        pieces: list[bytes] = []
        size, content = 0, raw.content
        try:
            while data := await content.readany():
                pieces.append(data)
                size += len(data)
                if size > self._max_body:
                    raise BadProviderAnswer(f"the answer is larger than {self._max_body} bytes")
        except (ClientError, OSError) as error:
            raise BadProviderAnswer(f"the answer was cut: {_reason(error)}") from error
        finally:
            raw.close()  # after its last byte the connection is back in the pool, and this does nothing
        return HttpAnswer(raw.status, raw.headers, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    async def close(self) -> None:
        """Close every connection; the transport can be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @staticmethod
    async def _sent(session: "ClientSession", request: HttpRequest, timeouts: Timeouts) -> "ClientResponse":
        """Send; the answer's head."""
        from aiohttp import ClientConnectionError, ClientError, ServerTimeoutError

        try:
            url, proxy = _address(request.url)
            return await session.request(
                request.method,
                url,
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,  # a redirect would carry the key to another host
                timeout=_connecting(timeouts.connect),
                proxy=proxy,
            )
        except ServerTimeoutError as error:
            raise ProviderTimeout(f"no connection within {timeouts.connect:g} s") from error
        except (ClientConnectionError, OSError) as error:
            raise ProviderUnavailable(f"cannot reach the provider: {_reason(error)}") from error
        except ClientError as error:
            raise BadProviderAnswer(f"the answer is no HTTP: {_reason(error)}") from error
        except ValueError as error:
            raise ProviderUnavailable(f"the base URL cannot be used: {error}") from error

    def _start(self) -> "ClientSession":
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector

        self._session = ClientSession(
            # No limit here: how many calls run at once is the pipeline's business.
            connector=TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=15),
            cookie_jar=DummyCookieJar(),
            read_bufsize=PIECE // 2,  # twice that may wait before the provider is held back
            max_line_size=65536,
            max_field_size=65536,
            headers={"user-agent": "quorum-mcp"},
        )
        return self._session


@lru_cache(maxsize=1_000)
def _address(text: str) -> "tuple[URL, str | None]":
    """The URL, and the proxy on the way to it."""
    from yarl import URL

    url = URL(text, encoded=True)
    return url, _proxy(url.scheme, url.host or "")


@lru_cache(maxsize=1_000)
def _connecting(seconds: float) -> "ClientTimeout":
    from aiohttp import ClientTimeout

    return ClientTimeout(total=None, connect=seconds)


def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`); this machine is never behind one."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return None
    return None if proxy_bypass(host) else getproxies_environment().get(scheme)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
