"""`POST /v1/chat/completions`: one call through the pipeline, whole or as a stream. Raw ASGI."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from quorum_mcp import codec
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.openai.answer import Chunks, completion
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.request import ChatRequest, read, translate
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.pipeline import Calls, Item
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import QuorumError
from quorum_mcp.ids import new_id
from quorum_mcp.operations.context import Services

SECONDS = 600.0
"""How long a call may take where the caller does not say: as long as OpenAI's clients wait."""
ASK = frozenset({"ask"})


class ChatCompletions:
    """The endpoint; `services` is asked at each request, because it is there only once running."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in OpenAI's dialect also where it fails."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            if exchange.begun:
                await exchange.piece(b"data: " + codec.encode(error_body(error)) + b"\n\n", last=True)
            else:
                await exchange.refuse(error, error_body(error))

    async def _answer(self, exchange: Exchange) -> None:
        exchange.principal.require(ASK)
        asked = read(await exchange.body())
        services = self._services()
        calls = services.get(Calls)
        call = self._call(asked, exchange, services.get(Settings))
        if not asked.stream:
            result = await exchange.unless_hung_up(calls.run(call))
            await exchange.json(completion(result), _headers(result))
            return
        usage = bool(asked.stream_options and asked.stream_options.include_usage)
        await exchange.unless_hung_up(_pass_on(calls.stream(call), exchange, asked.model, usage=usage))

    def _call(self, asked: ChatRequest, exchange: Exchange, settings: Settings) -> Call:
        principal: Principal = exchange.principal
        return Call(
            model=asked.model,
            request=translate(asked),
            deadline=time.monotonic() + (exchange.number("x-quorum-timeout", most=3600.0) or SECONDS),
            tenant=principal.tenant,
            role="chat",
            surface="openai",
            tags=exchange.words("x-quorum-tags"),
            allowance=Allowance.of(exchange.nanodollars("x-quorum-max-cost"), settings),
            vendor="openai",
            key=principal.key,
            cache=exchange.header("x-quorum-cache") != "off",
        )


async def _pass_on(items: AsyncGenerator[Item, None], exchange: Exchange, model: str, *, usage: bool) -> None:
    """Send the stream; its head goes out with the first piece, so that a call that fails before has a status."""
    chunks = Chunks(new_id("call"), model, usage=usage)
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Result):
                if not exchange.begun:
                    await exchange.stream(_headers(item))
                for piece in chunks.end(item):
                    await exchange.piece(piece)
                await exchange.piece(b"", last=True)
            elif not isinstance(item, Restart):
                if not exchange.begun:
                    await exchange.stream({})
                await exchange.piece(chunks.delta(item))


def _headers(result: Result) -> dict[str, str]:
    headers = {"x-quorum-model": f"{result.provider}/{result.model}"}
    if result.cost is not None:
        headers["x-quorum-cost"] = f"{result.cost / 1e9:.9f}".rstrip("0").rstrip(".")
    if result.simulated:
        headers["x-simulated"] = "true"
    return headers
