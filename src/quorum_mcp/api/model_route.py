"""A route of a vendor's model API: one call through the pipeline, whole or as a stream, in the vendor's dialect."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

import structlog
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from quorum_mcp import money
from quorum_mcp.access.principal import Principal
from quorum_mcp.answers import Delta, Passed
from quorum_mcp.api.exchange import Exchange, Raw
from quorum_mcp.api.panel_headers import panel_headers
from quorum_mcp.api.rate_headers import rate_headers
from quorum_mcp.api.repeats import HEADER, once
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.pipeline import Calls, Item
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import QuorumError
from quorum_mcp.messages import ModelRequest
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.flow import Flow
from quorum_mcp.store.kept_answers import KeptAnswers

SECONDS = 600.0
"""How long a call may take where the caller does not say: as long as the vendors' own clients wait."""
log = structlog.get_logger()
ASK = frozenset({"ask"})
Json = dict[str, Any]


class Stream(Protocol):
    """The events of one streamed answer, in the vendor's dialect."""

    media_type: str

    def start(self) -> bytes:
        """What comes before the first piece."""
        ...

    def delta(self, delta: Delta) -> bytes:
        """One piece."""
        ...

    def end(self, result: Result) -> Iterable[bytes]:
        """What comes after the last one. What it raises at once, rather than between pieces, may still have a status."""
        ...

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        ...


class Asked(Struct):
    """A request that was read.

    Attributes:
        stream: the encoder of its stream, None where a whole answer is wanted.
        options: what the dialect wants to know again when it writes the answer.
        before: gives the request instead, where something stored belongs to it.
        after: told the result before its answer ends.
        apart: makes the call on its own instead, and gives what is answered at once.
    """

    model: str
    request: ModelRequest
    stream: Stream | None = None
    options: Json = {}
    before: Callable[[Services, Principal], Awaitable[ModelRequest]] | None = None
    after: Callable[[Services, Principal, Result], Awaitable[None]] | None = None
    apart: Callable[[Services, Principal, Call], Awaitable[Json]] | None = None


class Dialect(Protocol):
    """One vendor's API: pure translation, no sockets."""

    vendor: str
    """The provider that is asked first for a bare model name."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:
        """Read a request; `path` holds what stands in the URL's path.

        Raises `Malformed`, `InvalidInput` or `Unsupported`; nothing is dropped.
        """
        ...

    def whole(self, result: Result, options: Json) -> Json | Raw:
        """The whole answer."""
        ...

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        ...


class ModelRoute:
    """The endpoint; `services` is asked at each request, because it is there only once running."""

    def __init__(self, dialect: Dialect, services: Callable[[], Services]) -> None:
        self._dialect = dialect
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that has passed the guard."""
        await self.answer(Exchange(scope, receive, send))

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request, in the vendor's dialect also where it fails."""
        try:
            exchange.principal.require(ASK)
            limits = self._services().get(Calls).limits
            exchange.more = partial(rate_headers, limits, exchange.principal)
            body = await exchange.body()
            asked = self._dialect.read(body, exchange.path)
            key = exchange.header(HEADER)
            work = self._answer(asked, exchange) if key is None else self._once(key, body, asked, exchange)
            await exchange.unless_hung_up(work)
        except QuorumError as error:
            await self.refuse(error, exchange)
        except Exception:
            log.exception("request.crashed", request_id=exchange.request_id)
            await self.refuse(
                QuorumError("internal error", hint="the server's log has the details"), exchange
            )

    async def refuse(self, error: QuorumError, exchange: Exchange) -> None:
        """Answer with an error, unless the answer has begun."""
        error.request_id = error.request_id or exchange.request_id
        if not exchange.begun:
            await exchange.refuse(error, self._dialect.error(error))

    async def _once(self, key: str, body: bytes, asked: Asked, exchange: Exchange) -> None:
        """Answer, unless an equal request has been."""
        store, seconds = self._services().get(KeptAnswers), _seconds(exchange)
        async with once(exchange, store, key, body, seconds) as first:
            if first:
                await self._answer(asked, exchange)

    async def _answer(self, asked: Asked, exchange: Exchange) -> None:
        services, principal = self._services(), exchange.principal
        calls = services.get(Calls)
        if asked.before is not None:
            asked.request = await asked.before(services, principal)
        call = self._call(asked, exchange, services.get(Settings))
        if asked.apart is not None:
            await exchange.json(await asked.apart(services, principal, call), {})
            return
        kept = partial(asked.after, services, principal) if asked.after is not None else None
        if asked.stream is None:
            result = await calls.run(call)
            if kept is not None:
                await kept(result)
            if (raw := result.answer.raw) is not None:  # asked in the caller's own words, so answered in them
                await exchange.written(raw, _headers(result))
                return
            answer = self._dialect.whole(result, asked.options)
            if isinstance(answer, Raw):
                await exchange.raw(answer, _headers(result))
            else:
                await exchange.json(answer, _headers(result))
            return
        try:
            await _pass_on(calls.stream(call), exchange, asked.stream, kept)
        except QuorumError as error:
            if not exchange.begun:
                raise
            error.request_id = error.request_id or exchange.request_id
            await exchange.cut(asked.stream.failed(self._dialect.error(error)))

    def _call(self, asked: Asked, exchange: Exchange, settings: Settings) -> Call:
        principal = exchange.principal
        return Call(
            model=asked.model,
            request=asked.request,
            deadline=time.monotonic() + _seconds(exchange),
            tenant=principal.tenant,
            role=asked.request.task.name if asked.request.task else "chat",
            surface=self._dialect.vendor,
            tags=exchange.words("x-quorum-tags"),
            allowance=Allowance.of(exchange.nanodollars("x-quorum-max-cost"), settings),
            vendor=self._dialect.vendor,
            key=principal.key,
            cache=exchange.header("x-quorum-cache") != "off",
        )


def _seconds(exchange: Exchange) -> float:
    """How long the call may take."""
    return exchange.number("x-quorum-timeout", most=3600.0) or SECONDS


async def _pass_on(
    items: AsyncGenerator[Item, None],
    exchange: Exchange,
    stream: Stream,
    kept: Callable[[Result], Awaitable[None]] | None,
) -> None:
    """Send the stream; its head goes out with the first piece, so that a call that fails before has a status.

    What the provider wrote in the caller's own words is passed on as it is.
    """
    passed = False
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Flow):
                await item.into(exchange)
                continue
            if isinstance(item, Restart):
                continue  # only where nothing was passed on yet
            ending = stream.end(item) if isinstance(item, Result) and not passed else ()
            if not exchange.begun:
                await exchange.stream(stream.media_type, _headers(item) if isinstance(item, Result) else {})
                if not isinstance(item, Passed):
                    await exchange.piece(stream.start())
            if isinstance(item, Passed):
                passed = True
                await exchange.piece(item.data)
            elif isinstance(item, Result):
                if kept is not None:
                    await kept(item)
                for piece in ending:
                    await exchange.piece(piece)
            else:
                await exchange.piece(stream.delta(item))
    await exchange.piece(b"", last=True)


def _headers(result: Result) -> dict[str, str]:
    headers = {
        "x-quorum-model": f"{result.provider}/{result.model}",
        "x-quorum-cache": "hit" if result.cached else "miss",
        "x-quorum-call": result.id,
    }
    if result.cost is not None:
        headers["x-quorum-cost"] = f"{money.to_usd(result.cost):.9f}"
    if result.simulated:
        headers["x-simulated"] = "true"
    if result.extension is not None:
        headers |= panel_headers(result.extension)
    return headers
