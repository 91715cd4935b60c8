"""One HTTP request and its answer, on bare ASGI: for the paths where every microsecond counts."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from quorum_mcp import codec, money
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.failures import error_headers
from quorum_mcp.api.lasting import Lasting
from quorum_mcp.errors import Cancelled, InvalidInput, Malformed, QuorumError, TooLarge

T = TypeVar("T")
LOOK_SECONDS = 0.02
MAX_BODY = 64 * 1024 * 1024


class Raw(Struct, frozen=True):
    """An answer that is no JSON."""

    media_type: str
    body: bytes


class Exchange:
    """A request that is being answered.

    Attributes:
        headers: of the request, by their names in lower case.
        status: of the answer, 0 until its head is out.
        more: headers of any answer, asked for when its head goes out.
        own: header lines of any answer.
        again: asks who the caller is, once more; where it is there, it is asked while a stream goes on.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self.headers = header_map(scope["headers"]) if headers is None else headers
        self.status = 0
        self.more: Callable[[], Mapping[str, str]] = dict
        self.own: tuple[tuple[bytes, bytes], ...] = ()
        self.again: Callable[[], Awaitable[Principal]] | None = None

    @property
    def begun(self) -> bool:
        """Whether the head of the answer is out."""
        return self.status != 0

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.scope["state"]["principal"]

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.scope["state"]["request_id"]

    @property
    def path(self) -> Mapping[str, str]:
        """What the router found in the URL's path."""
        return self.scope.get("path_params", {})

    def path_ends(self, ending: str) -> bool:
        """Whether the URL's path ends so."""
        return self.scope["path"].endswith(ending)

    def header(self, name: str) -> str | None:
        """A header's value; `name` is in lower case."""
        return self.headers.get(name)

    def words(self, name: str) -> tuple[str, ...]:
        """A header's comma-separated words, at most 20 of at most 64 characters."""
        words = tuple(word.strip() for word in (self.header(name) or "").split(",") if word.strip())
        if len(words) > 20 or any(len(word) > 64 for word in words):
            raise InvalidInput(f"{name}: too much of it", hint="at most 20 words of at most 64 characters")
        return words

    def number(self, name: str, *, most: float) -> float | None:
        """A header's positive number."""
        text = self.header(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value <= most:
            raise InvalidInput(f"{name}: {text[:40]!r} is not a number", hint=f"above 0, at most {most:g}")
        return value

    def nanodollars(self, name: str) -> int | None:
        """A header's amount of USD."""
        usd = self.number(name, most=1e6)
        return None if usd is None else money.from_usd(usd)

    async def body(self) -> bytes:
        """The whole body. Raises `TooLarge`, if its length is told before it is read; `Cancelled` if it breaks off."""
        told = self.header("content-length")
        if told is not None and int(told) > MAX_BODY:
            raise _too_large()
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Cancelled("the caller hung up")
            piece = message.get("body", b"")
            size += len(piece)
            if size > MAX_BODY:
                raise _too_large()
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)

    async def json_body(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Malformed` for anything else."""
        try:
            value = codec.decode_foreign(await self.body())
        except codec.JSONError as error:
            raise Malformed(f"the body is not JSON: {error}", hint="send a JSON object") from None
        if not isinstance(value, dict):
            raise Malformed("the body is not a JSON object")
        return value

    async def unless_hung_up(self, work: Awaitable[T]) -> T:
        """Do `work` in this task; if the caller hangs up first, cancel it. The body must have been read before."""
        watch = _Watch(self._receive)
        try:
            return await work
        except asyncio.CancelledError:
            if not watch.gone:
                raise
            raise Cancelled("the caller hung up") from None
        finally:
            watch.end()

    async def json(self, value: Any, headers: Mapping[str, str]) -> None:
        """The whole answer."""
        await self._whole(200, codec.encode(value), headers)

    async def raw(self, value: Raw, headers: Mapping[str, str]) -> None:
        """The whole answer, which is no JSON."""
        await self._whole(200, value.body, headers, value.media_type.encode())

    async def written(self, body: bytes, headers: Mapping[str, str]) -> None:
        """The whole answer, as JSON that is written already."""
        await self._whole(200, body, headers)

    async def refuse(self, error: QuorumError, body: Any) -> None:
        """The error's status with a body of the caller's dialect."""
        await self._whole(error.status, codec.encode(body), error_headers(error))

    async def stream(self, media_type: str, headers: Mapping[str, str]) -> None:
        """The head of a stream."""
        if self.again is not None:
            self._send = Lasting(self._receive, self._send, self.principal, self.again).send
        await self._start(200, media_type.encode(), headers, (b"cache-control", b"no-store"))

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """A piece of the stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def _whole(
        self, status: int, body: bytes, headers: Mapping[str, str], kind: bytes = b"application/json"
    ) -> None:
        await self._start(status, kind, headers, (b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.body", "body": body})

    async def _start(
        self, status: int, kind: bytes, headers: Mapping[str, str], *more: tuple[bytes, bytes]
    ) -> None:
        self.status = status
        lines = [(b"content-type", kind), *more, *self.own]
        given = {**headers, **self.more()}
        lines += [(name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})


def header_map(lines: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names, which are in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in lines}


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MAX_BODY} bytes", hint="send less at once")


class _Watch:
    """Looks whether the caller is still there, and cancels the task that began it when not.

    Most requests are over before the first look: a task of its own for each would cost more than it does.
    """

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._receive = receive
        self._task = asyncio.current_task()
        self._looking: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin)

    def end(self) -> None:
        """The work is done."""
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self.gone and self._task is not None:
            self._task.uncancel()

    def _begin(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None:
            self.gone = True
            self._task.cancel()
