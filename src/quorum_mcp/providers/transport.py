"""HTTP to providers: kept connections, time limits that say what was late, bounded answers.

Connections are our own where nothing stands between (`connections`), and aiohttp's where a proxy does (`proxied`).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property, lru_cache
from typing import Literal, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from msgspec import Struct, field

from quorum_mcp.errors import BadProviderAnswer, ProviderTimeout, ProviderUnavailable
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.connections import encoded, target_of
from quorum_mcp.providers.incoming import Incoming
from quorum_mcp.providers.pool import Pool
from quorum_mcp.providers.proxied import Proxied, ProxiedAnswer

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

    def __init__(self, timeouts: Timeouts, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now = loop.time
        self._timeouts = timeouts
        began = self._loop.time()
        self._end = began + timeouts.total
        self.since = began
        """When the next piece began to be waited for."""
        self._patience = timeouts.first_byte
        self._started, self._waiting = False, True
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
            self.since = self._loop.time()

    def came(self) -> None:
        """The piece is here."""
        self._waiting = False
        if not self._started:
            self._started, self._patience = True, self._timeouts.idle
            self.stop()  # the idle limit may be over before the first byte's would have been
            self._arm(self._loop.time() + self._timeouts.idle)

    @property
    def _limit(self) -> float:
        """When what is waited for is late."""
        return min(self.since + self._patience, self._end)

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

    def __init__(self, raw: Incoming | ProxiedAnswer, clock: Clock, max_body: int) -> None:
        self._raw = raw
        self._clock = clock
        self._max = max_body
        self._size = 0
        self.status = raw.status
        self.headers = raw.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, until its end. Raises `ProviderTimeout`, and `BadProviderAnswer` where it is cut."""
        raw, clock = self._raw, self._clock
        while True:
            try:
                clock.waits()
                data = await raw.read(PIECE)
            except OSError as error:
                raise BadProviderAnswer(f"the answer was cut: {_reason(error)}") from error
            clock.came()
            if not data:
                return
            self._size += len(data)
            if self._size > self._max:
                raise self._too_large()
            yield data

    @property
    def pours(self) -> bool:
        """Whether `pour` can be used."""
        return isinstance(self._raw, Incoming) and not self._raw.packed

    async def pour(self, take: Callable[[bytes], bool]) -> bool:
        """Give the body to `take`, each piece in the step in which it comes, until it returns False.

        Returns whether that was all of it. Raises what `chunks` raises; `take` must not raise.
        """
        raw, clock, now = self._raw, self._clock, self._clock.now
        assert isinstance(raw, Incoming)

        def taken(data: bytes) -> bool:
            self._size += len(data)
            if self._size > self._max:
                return False
            clock.since = now()
            return take(data)

        clock.waits()
        try:
            ended = await raw.pour(taken)
        except OSError as error:
            raise BadProviderAnswer(f"the answer was cut: {_reason(error)}") from error
        clock.came()
        if self._size > self._max:
            raise self._too_large()
        return ended

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def drain(self, seconds: float = 0.1) -> None:
        """Read to the end after the answer's own end marker, so that the connection can be kept.

        A server that leaves the stream open after its end marker costs `seconds` and its connection.
        """
        try:
            async with asyncio.timeout(seconds):
                while await self._raw.read(-1):
                    pass
        except OSError:
            self._raw.close()

    def _too_large(self) -> BadProviderAnswer:
        return BadProviderAnswer(f"the answer is larger than {self._max} bytes")


class Transport:
    """One pool of connections, for all providers of a process."""

    def __init__(self, *, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._pool = Pool()
        self._proxied = Proxied()

    @asynccontextmanager
    async def open(self, request: HttpRequest, timeouts: Timeouts) -> AsyncGenerator[Response, None]:
        """Send and wait for the head of the answer.

        Leaving the block before the body's end drops the connection, which tells the provider to stop.

        Raises:
            ProviderUnavailable: no connection, or it ended before an answer began.
            ProviderTimeout: a limit was passed.
        """
        clock = Clock(timeouts, self._loop)
        try:
            raw = await self._sent(request, timeouts, clock)
            try:
                yield Response(raw, clock, self._max_body)
            finally:
                # After its last byte the connection is already back in the pool and this does nothing.
                raw.close()
        finally:
            clock.stop()

    async def fetch(self, request: HttpRequest, timeouts: Timeouts) -> HttpAnswer:
        """Send and read the whole answer."""
        if min(timeouts.first_byte, timeouts.idle) < timeouts.total:
            async with self.open(request, timeouts) as response:
                return HttpAnswer(response.status, response.headers, await response.read())
        clock = Clock(timeouts, self._loop)
        try:
            return await self._whole(await self._sent(request, timeouts, clock))
        finally:
            clock.stop()

    async def _whole(self, raw: Incoming | ProxiedAnswer) -> HttpAnswer:
        pieces: list[bytes] = []
        size = 0
        try:
            while data := await raw.read(-1):
                pieces.append(data)
                size += len(data)
                if size > self._max_body:
                    raise BadProviderAnswer(f"the answer is larger than {self._max_body} bytes")
                if raw.ended:
                    break
        except OSError as error:
            raise BadProviderAnswer(f"the answer was cut: {_reason(error)}") from error
        finally:
            raw.close()  # after its last byte the connection is back in the pool, and this does nothing
        return HttpAnswer(raw.status, raw.headers, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()  # once: it costs a system call

    async def close(self) -> None:
        """Close every connection; the transport can be used again afterwards."""
        self._pool.close()
        await self._proxied.close()

    async def _sent(self, request: HttpRequest, timeouts: Timeouts, clock: Clock) -> Incoming | ProxiedAnswer:
        """Send, with the clock running; the answer's head."""
        method, url, body, headers = request.method, request.url, request.body, request.headers
        try:
            proxy = _proxy(url)
            if proxy is None:
                target = target_of(url)
                data = encoded(method, target, headers, body)
                answer = (await self._pool.get(target, timeouts.connect)).ask(data)
                clock.watch(answer.set_exception)
                return await answer.begun()
            asked = self._proxied.request(method, url, body, headers, timeouts.connect, proxy)
            proxied = await clock.head(asked)
            clock.watch(proxied.set_exception)
            return proxied
        except OSError as error:
            raise ProviderUnavailable(f"cannot reach the provider: {_reason(error)}") from error
        except ValueError as error:
            raise ProviderUnavailable(f"the base URL cannot be used: {error}") from error


@lru_cache(maxsize=1_000)
def _proxy(url: str) -> str | None:
    """The proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`); this machine is never behind one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("127.0.0.1", "localhost", "::1"):
        return None
    return None if proxy_bypass(host) else getproxies_environment().get(parts.scheme)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
