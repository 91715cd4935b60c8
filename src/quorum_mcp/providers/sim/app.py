"""The simulated providers as one ASGI application.

    POST /v1/chat/completions                  OpenAI (and Mistral, and whoever is compatible)
    POST /v1/messages                          Anthropic
    POST /v1beta/models/MODEL:generateContent  Gemini, and :streamGenerateContent
    POST /api/chat                             Ollama
    POST /v1/embeddings, /api/embed, /v1beta/models/MODEL:batchEmbedContents
    GET  /v1/models, /v1beta/models, /api/tags, /api/version
    GET  /_stats, DELETE /_stats               counts for tests

Every answer has the header `x-simulated: true`, and `"simulated": true` in its body.
"""

import asyncio
import re
from urllib.parse import parse_qs

from msgspec import structs

from quorum_mcp.access.network import check_host, check_origin
from quorum_mcp.codec import JSONError, decode
from quorum_mcp.errors import Forbidden
from quorum_mcp.providers.sim import listing
from quorum_mcp.providers.sim.ask import Ask
from quorum_mcp.providers.sim.chance import roll
from quorum_mcp.providers.sim.exchange import Exchange, Gone, Message, Receive, Send
from quorum_mcp.providers.sim.fitting import UnfitSchema
from quorum_mcp.providers.sim.models import Fault, UnknownModel
from quorum_mcp.providers.sim.shapes.anthropic import Anthropic
from quorum_mcp.providers.sim.shapes.gemini import Gemini
from quorum_mcp.providers.sim.shapes.ollama import Ollama
from quorum_mcp.providers.sim.shapes.openai import OpenAI
from quorum_mcp.providers.sim.shapes.shape import BadRequest, Json, Shape
from quorum_mcp.providers.sim.stats import Stats
from quorum_mcp.providers.sim.telling import pace_of, tell

DEFAULT_SEED = 7
_GEMINI = re.compile(r"/v1(?:beta)?/models/(?P<model>.+):(?P<method>\w+)")
_CHATS: dict[str, Shape] = {
    "/v1/chat/completions": OpenAI(),
    "/v1/messages": Anthropic(),
    "/api/chat": Ollama(),
}
_OPENAI = OpenAI()
_GEMINI_SHAPE = Gemini()


class SimApp:
    """The application. `seed` sets every answer, `speed` scales waiting: 1 as the personalities, 0 none."""

    def __init__(self, *, seed: int = DEFAULT_SEED, speed: float = 1.0) -> None:
        self.seed = seed
        self.speed = speed
        self.stats = Stats()
        self.closing = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        async with Exchange(scope, receive, send, self.closing) as exchange:
            try:
                await self._answer(exchange)
            except Gone:
                return

    async def _answer(self, exchange: Exchange) -> None:
        try:
            check_host(
                exchange.headers.get("host"), allowed=frozenset(), local_address=exchange.local_address
            )
            check_origin(exchange.headers.get("origin"), exchange.headers.get("host"), allowed=frozenset())
        except Forbidden as error:
            await exchange.json(403, _OPENAI.error(403, error.message))
            return
        raw = await exchange.body()
        if raw is None:
            await exchange.json(413, _OPENAI.error(413, "the request is too large"))
        elif exchange.method == "POST":
            await self._post(exchange, raw)
        elif exchange.path == "/_stats" and exchange.method == "DELETE":
            self.stats.clear()
            await exchange.json(200, self.stats.shown())
        elif exchange.method == "GET" and (found := self._page(exchange)) is not None:
            await exchange.json(200, found)
        else:
            await exchange.json(
                404, _OPENAI.error(404, f"there is no {exchange.method} {exchange.path} here")
            )

    def _page(self, exchange: Exchange) -> Json | None:
        if exchange.path == "/v1/models":
            is_anthropic = "anthropic-version" in exchange.headers
            return listing.anthropic_models() if is_anthropic else listing.openai_models()
        pages = {
            "/v1beta/models": listing.gemini_models,
            "/api/tags": listing.ollama_models,
            "/api/version": lambda: {"version": "0.0.0-simulated", "simulated": True},
            "/_stats": self.stats.shown,
        }
        page = pages.get(exchange.path)
        return page() if page is not None else None

    async def _post(self, exchange: Exchange, raw: bytes) -> None:
        gemini = _GEMINI.fullmatch(exchange.path)
        shape = _GEMINI_SHAPE if gemini else _CHATS.get(exchange.path, _OPENAI)
        try:
            body = decode(raw, dict)
            if exchange.path in ("/v1/embeddings", "/api/embed"):
                await exchange.json(200, listing.embeddings(body))
            elif gemini and gemini["method"] in ("batchEmbedContents", "embedContent"):
                await exchange.json(200, listing.gemini_embeddings(body))
            elif gemini and gemini["method"] in ("generateContent", "streamGenerateContent"):
                streams = gemini["method"] == "streamGenerateContent"
                if streams and parse_qs(exchange.query).get("alt") != ["sse"]:
                    raise BadRequest("the simulated Gemini streams only with alt=sse")
                await self._chat(
                    exchange, shape, structs.replace(shape.ask(body, gemini["model"]), stream=streams)
                )
            elif exchange.path in _CHATS:
                await self._chat(exchange, shape, shape.ask(body, None))
            else:
                await exchange.json(404, shape.error(404, f"there is no POST {exchange.path} here"))
        except UnknownModel as error:
            await exchange.json(404, shape.error(404, str(error)))
        except (BadRequest, UnfitSchema, JSONError) as error:
            await exchange.json(400, shape.error(400, str(error)))

    async def _chat(self, exchange: Exchange, shape: Shape, ask: Ask) -> None:
        model = ask.model
        seed = "/".join(filter(None, (model.knobs.seed or str(self.seed), ask.seed)))
        ask = structs.replace(ask, seed=seed)
        count = self.stats.begin(model.asked, stream=ask.stream)
        number = count.requests
        fault: Fault | None = (
            model.knobs.fault if roll(seed, model.asked, number) < model.knobs.rate else None
        )
        pace = pace_of(model, self.speed, seed, model.asked, number)
        try:
            await tell(exchange, shape, ask, pace, fault, count)
        except Gone:
            count.abandoned += 1
            raise
        finally:
            count.open -= 1
