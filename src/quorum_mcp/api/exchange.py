"""One HTTP request and its answer, on bare ASGI: for the paths where every microsecond counts."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import repeat
from time import monotonic
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from quorum_mcp import codec, money
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.cycle import Cycle
from quorum_mcp.api.failures import error_headers
from quorum_mcp.api.lasting import Lasting
from quorum_mcp.errors import Cancelled, InvalidInput, Malformed, QuorumError, TooLarge

T = TypeVar("T")
R = TypeVar("R", bound="Out")
LATIN_1 = repeat("latin-1")
"""What headers are written in, as often as it is asked for."""
LOOK_SECONDS = 0.02
MAX_BODY = 64 * 1024 * 1024


class Raw(Struct, frozen=True):
    """An answer that is no JSON."""

    media_type: str
    body: bytes


class Out(Protocol):
    """Where an answer goes."""

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole answer."""
        ...

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of a stream."""
        ...

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of it."""
        ...


class Asgi:
    """An answer that goes out as any ASGI server takes it; an `Out`."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """As `Out` says."""
        await self.start(status, {"content-length": str(len(body)), **headers})
        await self.piece(body, last=True)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """As `Out` says."""
        lines = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """As `Out` says."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})


class Exchange:
    """A request that is being answered.

    Attributes:
        headers: of the request, by their names in lower case.
        status: of the answer, 0 until its head is out; `ended` where nothing may follow any more.
        cut_short: whether a stream ends without the end of its answer.
        more: headers of any answer, asked for when its head goes out.
        own: headers of any answer.
        again: asks who the caller is, once more; where it is there, it is asked while a stream goes on.

    Args:
        scope: of ASGI, as `receive` and `send` are.
        receive: the request's body.
        send: takes the answer.
        cycle: takes it instead, where the server has a short way.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, cycle: Cycle | None = None) -> None:
        self.scope = scope
        self._receive = receive
        self._cycle = cycle
        self._out: Out = Asgi(send) if cycle is None else cycle
        self._direct = cycle
        self.headers = header_map(scope["headers"])
        self.status = 0
        self.ended = self.cut_short = False
        self.more: Callable[[], Mapping[str, str]] | None = None
        self.own: dict[str, str] = {}
        self.again: Callable[[], Awaitable[Principal]] | None = None
        self._lasting: Lasting | None = None

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
        text = self.headers.get(name)
        if text is None:
            return ()
        words = tuple(word.strip() for word in text.split(",") if word.strip())
        if len(words) > 20 or any(len(word) > 64 for word in words):
            raise InvalidInput(f"{name}: too much of it", hint="at most 20 words of at most 64 characters")
        return words

    def number(self, name: str, *, most: float) -> float | None:
        """A header's positive number."""
        text = self.headers.get(name)
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
        if self._cycle is not None and (body := self._cycle.take_body()) is not None:
            if len(body) > MAX_BODY:
                raise _too_large()
            return body
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
        watch = _Watch(self._receive, self._cycle)
        try:
            return await work
        except asyncio.CancelledError:
            if not watch.gone:
                raise
            raise Cancelled("the caller hung up") from None
        finally:
            watch.end()

    def record(self, through: Callable[[Out], R]) -> R:
        """Have the answer go out through what `through` makes of where it would go."""
        self._out = recorder = through(self._out)
        self._direct = None
        return recorder

    async def repeat(self, headers: Mapping[str, str], body: bytes, *, streamed: bool) -> None:
        """An answer that was given before, at once even where it was a stream."""
        kind = headers.get("content-type", "application/json")
        again = {**headers, **self.own, "idempotent-replayed": "true"}
        if streamed:
            await self.stream(kind, again)
            await self.piece(body, last=True)
        else:
            await self._whole(200, body, again, kind)

    async def json(self, value: Any, headers: Mapping[str, str]) -> None:
        """The whole answer."""
        await self._whole(200, codec.encode(value), headers)

    async def raw(self, value: Raw, headers: Mapping[str, str]) -> None:
        """The whole answer, which is no JSON."""
        await self._whole(200, value.body, headers, value.media_type)

    async def written(self, body: bytes, headers: Mapping[str, str]) -> None:
        """The whole answer, as JSON that is written already."""
        await self._whole(200, body, headers)

    async def refuse(self, error: QuorumError, body: Any) -> None:
        """The error's status with a body of the caller's dialect."""
        await self._whole(error.status, codec.encode(body), error_headers(error))

    async def stream(self, media_type: str, headers: Mapping[str, str]) -> None:
        """The head of a stream."""
        if self.again is not None:
            self._lasting = Lasting(self.principal, self.again)
        self.status = 200
        await self._out.start(200, self._headers(media_type, headers, {"cache-control": "no-store"}))

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """A piece of the stream.

        Raises:
            Cancelled: whoever asked would not be let in any more; the stream has ended.
        """
        lasting = self._lasting
        if lasting is not None and not last and monotonic() >= lasting.next and await lasting.ended():
            self.cut_short = True
            await self._out.piece(b"", last=True)
            self.ended = True
            raise Cancelled("the key has ended that this was asked with")
        if not self.ended:
            await self._out.piece(data, last=last)

    async def cut(self, data: bytes) -> None:
        """The last piece of a stream that failed."""
        self.cut_short = True
        await self.piece(data, last=True)

    def at_once(self, data: bytes) -> bool:
        """Send a piece of the stream now; False where it has to wait for something: `piece` does."""
        lasting, cycle = self._lasting, self._direct
        if cycle is None or self.ended or (lasting is not None and monotonic() >= lasting.next):
            return False
        return cycle.at_once(data)

    async def _whole(
        self, status: int, body: bytes, headers: Mapping[str, str], kind: str = "application/json"
    ) -> None:
        self.status = status
        await self._out.whole(status, self._headers(kind, headers), body)

    def _headers(self, kind: str, *more: Mapping[str, str]) -> dict[str, str]:
        headers = {"content-type": kind, **self.own}
        for one in more:
            headers.update(one)
        if self.more is not None:
            headers.update(self.more())
        return headers


def header_map(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by their names, which are in lower case."""
    if not lines:
        return {}
    names, values = zip(*lines, strict=True)
    return dict(zip(map(str, names, LATIN_1), map(str, values, LATIN_1), strict=False))


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MAX_BODY} bytes", hint="send less at once")


class _Watch:
    """Cancels the task that began it when the caller goes.

    Where nobody tells, it looks by itself, after a while: most requests are over before, and a task of its own for
    each would cost more than it does.
    """

    def __init__(self, receive: Receive, cycle: Cycle | None) -> None:
        self.gone = False
        self._receive = receive
        self._cycle = cycle
        self._task = asyncio.current_task() if cycle is None else cycle.task
        self._looking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if cycle is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin)
        elif cycle.disconnected:
            self._leave()
        else:
            cycle.gone = self._leave

    def end(self) -> None:
        """The work is done."""
        if self._cycle is not None:
            self._cycle.gone = None
        if self._timer is not None:
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
        self._leave()

    def _leave(self) -> None:
        if self._task is not None:
            self.gone = True
            self._task.cancel()
