"""`/metrics`: on the main port, and on a port of its own where one is set."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quorum_mcp.access.principal import LOCAL, Principal
from quorum_mcp.api.rest import guarded
from quorum_mcp.errors import Forbidden
from quorum_mcp.observe.exposition import expose
from quorum_mcp.observe.metrics import Metrics
from quorum_mcp.operations.context import Services

PATH = "/metrics"
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


def route(services: Callable[[], Services]) -> Route:
    """The route that Prometheus scrapes."""

    async def metrics(request: Request) -> Response:
        _require(request.state.principal)
        found = services().get(Metrics)
        body, kind = await expose(found, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": kind, "cache-control": "no-store"})

    return Route(PATH, guarded(metrics))


def _require(principal: Principal) -> None:
    """The figures are everybody's, so they are for the operator: not for the key of another organisation."""
    principal.require(frozenset({"read"}))
    if principal.tenant != LOCAL.tenant:  # an admin of an organisation is one of that organisation only
        raise Forbidden("the metrics cover every organisation", hint="use a key of the operator")


class Counted:
    """Counts the requests of an application by the route that took them. Raw ASGI, outermost."""

    def __init__(self, app: ASGIApp, metrics: Callable[[], Metrics | None]) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count when the answer has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 499  # nothing was answered: the caller had gone

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            metrics = self._metrics()
            if metrics is not None:
                path = _template(scope)
                method = scope["method"] if scope["method"] in METHODS else "other"
                metrics.http.add((path, method, str(status)))
                metrics.http_seconds.observe((path,), time.monotonic() - began)


def _template(scope: Scope) -> str:
    """The route's own path, never the one that was asked for."""
    return str(getattr(scope.get("route"), "path", "none"))
