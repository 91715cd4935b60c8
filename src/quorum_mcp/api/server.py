"""The ASGI application: every surface that listens, behind one guard."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from quorum_mcp.access.authenticate import Authenticator
from quorum_mcp.access.keys import Keys
from quorum_mcp.access.network import is_loopback
from quorum_mcp.api import metrics, reference, rest, websocket
from quorum_mcp.api.anthropic.counting import TokenCount
from quorum_mcp.api.anthropic.messages import Messages
from quorum_mcp.api.bridge import socket
from quorum_mcp.api.bridge.http import Bridge
from quorum_mcp.api.bridge.ports import bridged
from quorum_mcp.api.crowd import Crowd
from quorum_mcp.api.discovery import Discovery
from quorum_mcp.api.failures import error_response
from quorum_mcp.api.gemini.dialect import Gemini
from quorum_mcp.api.gemini.failures import error_body as gemini_error
from quorum_mcp.api.guard import Guard
from quorum_mcp.api.lane import Lanes
from quorum_mcp.api.listener import listening
from quorum_mcp.api.login import Login
from quorum_mcp.api.lost import guess
from quorum_mcp.api.mcp.endpoint import McpEndpoint
from quorum_mcp.api.mcp.peers import Peers
from quorum_mcp.api.model_list import ModelList
from quorum_mcp.api.model_route import ModelRoute
from quorum_mcp.api.ollama.dialect import OllamaChat, OllamaEmbed
from quorum_mcp.api.ollama.failures import error_body as ollama_error
from quorum_mcp.api.ollama.models import show_model, show_running, show_tags, show_version
from quorum_mcp.api.openai.chat import ChatCompletions
from quorum_mcp.api.openai.completions import Completions
from quorum_mcp.api.openai.embeddings import Embeddings
from quorum_mcp.api.openai.images import Images
from quorum_mcp.api.openai.moderations import Moderations
from quorum_mcp.api.openai.responses.background import Background
from quorum_mcp.api.openai.responses.counting import InputTokens
from quorum_mcp.api.openai.responses.dialect import Responses
from quorum_mcp.api.openai.responses.stored import StoredResponse
from quorum_mcp.api.openai.speech import Speech
from quorum_mcp.api.openai.transcriptions import Transcriptions
from quorum_mcp.api.openapi import document
from quorum_mcp.api.readiness import Readiness
from quorum_mcp.api.ui import serve as ui
from quorum_mcp.api.vendor_lists import VendorLists, show_gemini
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import InvalidInput, NotFound, QuorumError, Unsupported
from quorum_mcp.observe.metrics import Metrics
from quorum_mcp.operations.context import Services
from quorum_mcp.runs.service import Runs

if TYPE_CHECKING:
    from quorum_mcp.api.mcp.offers import Offers
    from quorum_mcp.api.sign_in import SignIn

Start = Callable[[Settings], AbstractAsyncContextManager[Services]]


class Holder:
    """Where the running services are while the application is up."""

    def __init__(self) -> None:
        self.services: Services | None = None
        self.background = Background()
        self.authenticator: Authenticator | None = None

    def get(self) -> Services:
        """The services; asked for by routes, which are only served while they are there."""
        assert self.services is not None
        return self.services

    def keys(self) -> Keys:
        """The API keys."""
        return self.get().get(Keys)

    def door(self) -> Authenticator:
        """Who tells callers apart; asked for by routes, which are served behind it."""
        assert self.authenticator is not None
        return self.authenticator

    def metrics(self) -> Metrics | None:
        """The metrics, while the services are there."""
        return None if self.services is None else self.services.get(Metrics)


def build(
    settings: Settings, start: Start, *, loopback_bind: bool, offers: "Offers | None" = None
) -> ASGIApp:
    """The application. `start` opens the services for its life; `offers` is what MCP has besides the product's own."""
    holder = Holder()
    holder.authenticator = authenticator = Authenticator(
        settings, loopback_bind=loopback_bind, keys=holder.keys
    )
    sign_in = _sign_in(settings, authenticator)
    mcp = McpEndpoint(holder.get, offers, sign_in)
    bridge = Authenticator(settings, loopback_bind=is_loopback(settings.server.bridge_host), keys=holder.keys)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with start(settings) as services:
            holder.services = services
            peers = services.get(Peers).open(Guard(app, settings, authenticator, sign_in))
            bridges = bridged(guarded(bridge), settings)
            async with mcp.run(), _metrics_apart(settings, holder), bridges, peers:
                try:
                    yield
                finally:
                    await holder.background.close()
        holder.services = None

    app = Starlette(
        routes=[*_routes(holder), *mcp.routes(), *(sign_in.routes() if sign_in else ())],
        lifespan=lifespan,
        exception_handlers={404: _not_found, 405: _wrong_method, Exception: _crashed},
    )
    lanes = _model_routes(holder)

    def guarded(door: Authenticator) -> ASGIApp:
        guard = Guard(app, settings, door, sign_in)
        return Lanes(metrics.Counted(guard, holder.metrics), lanes, guard, holder.metrics)

    return guarded(authenticator)


def _sign_in(settings: Settings, keys: Authenticator) -> "SignIn | None":
    """Who is let into /mcp by an authorization server, where one is set."""
    if settings.mcp.oauth is None:
        return None
    from quorum_mcp.api.sign_in import SignIn

    return SignIn(settings.mcp.oauth, keys)


def _metrics_apart(settings: Settings, holder: Holder) -> AbstractAsyncContextManager[None]:
    """The port of its own for metrics, where one is set, behind the same guard."""
    host, port = settings.server.metrics_host, settings.server.metrics_port
    if port is None:
        return nullcontext()
    app = Starlette(routes=[metrics.route(holder.get)], exception_handlers={404: _not_found})
    guard = Guard(app, settings, Authenticator(settings, loopback_bind=is_loopback(host), keys=holder.keys))
    return listening(guard, host, port, "server.metrics_port")


def _model_routes(holder: Holder) -> dict[str, ModelRoute]:
    """The vendors' model APIs, by path; all of them are asked by POST."""
    return {
        "/v1/chat/completions": ModelRoute(ChatCompletions(), holder.get),
        "/v1/responses": ModelRoute(Responses(holder.background), holder.get),
        "/v1/completions": ModelRoute(Completions(), holder.get),
        "/v1/responses/input_tokens": ModelRoute(InputTokens(), holder.get),
        "/v1/embeddings": ModelRoute(Embeddings(), holder.get),
        "/v1/images/generations": ModelRoute(Images(), holder.get),
        "/v1/audio/speech": ModelRoute(Speech(), holder.get),
        "/v1/audio/transcriptions": ModelRoute(Transcriptions(), holder.get),
        "/v1/moderations": ModelRoute(Moderations(), holder.get),
        "/api/chat": ModelRoute(OllamaChat("chat"), holder.get),
        "/api/generate": ModelRoute(OllamaChat("generate"), holder.get),
        "/api/embed": ModelRoute(OllamaEmbed(), holder.get),
        "/v1/messages": ModelRoute(Messages(), holder.get),
        "/v1/messages/count_tokens": ModelRoute(TokenCount(), holder.get),
    }


def _model_lists(holder: Holder) -> list[Route]:
    """Who may be asked, in the vendors' words."""
    anyone, gemini = VendorLists(holder.get), ModelList(holder.get, show_gemini, gemini_error)
    lists = [
        Route("/v1/models", anyone, methods=["GET"]),
        Route("/v1/models/discover", Discovery(holder.get), methods=["GET", "POST"]),
        Route("/v1/models/{name:path}", anyone, methods=["GET"]),
        Route("/v1beta/models", gemini, methods=["GET"]),
        Route("/v1beta/models/{name:path}", gemini, methods=["GET"]),
    ]
    for path, show in (("tags", show_tags), ("ps", show_running), ("version", show_version)):
        lists.append(Route(f"/api/{path}", ModelList(holder.get, show, ollama_error), methods=["GET"]))
    return [*lists, Route("/api/show", ModelList(holder.get, show_model, ollama_error), methods=["POST"])]


def _routes(holder: Holder) -> list[BaseRoute]:
    gemini, crowd = ModelRoute(Gemini(), holder.get), Crowd()

    stored = StoredResponse(holder.get, holder.background)

    async def events(request: Request) -> Response:
        after = _number(request.query_params.get("after", request.headers.get("last-event-id", "0")))
        services = holder.get()
        await services.get(Runs).get(request.path_params["session_id"], request.state.principal.tenant)
        return rest.event_stream(services, request, request.path_params["session_id"], after)

    async def openapi(_: Request) -> Response:
        return JSONResponse(document())

    async def docs(_: Request) -> Response:
        return HTMLResponse(reference.page(), headers={"content-security-policy": reference.POLICY})

    return [
        *Readiness(holder.get).routes(),
        Route("/api/session/{session_id}/events", rest.guarded(events)),
        Route("/api/openapi.json", openapi),
        Route("/api/docs", docs),
        metrics.route(holder.get),
        *(Route(path, app, methods=["POST"]) for path, app in _model_routes(holder).items()),
        *_model_lists(holder),
        Route("/v1/responses/{id}", stored, methods=["GET", "DELETE"]),
        Route("/v1/responses/{id}/input_items", stored, methods=["GET"]),
        Route("/v1/responses/{id}/cancel", stored, methods=["POST"]),
        *(
            Route(f"/{version}/models/{{model:path}}", gemini, methods=["POST"])
            for version in ("v1beta", "v1")
        ),
        *Login(holder.door).routes(),
        *rest.routes(holder.get),
        *ui.routes(),
        *Bridge(holder.get).routes(),
        websocket.route(holder.get, crowd),
        socket.route(holder.get, crowd),
    ]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput(
            f"after: {text[:40]!r} is not an event's number", hint="the `seq` of the last event you have"
        )
    return int(text)


async def _wrong_method(request: Request, failure: Exception) -> Response:
    error = Unsupported(
        f"{request.url.path} does not take {request.method}", hint="/api/openapi.json lists what it takes"
    )
    error.request_id = request.state.request_id
    response = error_response(error, request.url.path)
    response.status_code = 405
    response.headers.update(failure.headers or {} if isinstance(failure, HTTPException) else {})
    return response


async def _not_found(request: Request, _: Exception) -> Response:
    meant = guess(request.app.routes, request.method, request.url.path)
    error = NotFound(f"there is no {request.method} {request.url.path}", hint=meant.hint)
    error.request_id = request.state.request_id
    return error_response(error, meant.path)


async def _crashed(request: Request, _: Exception) -> Response:
    error = QuorumError("internal error", hint="the server's log has the details")
    error.request_id = request.state.request_id
    return error_response(error, request.url.path)
