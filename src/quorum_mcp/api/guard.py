"""Before any route: a request id, the Host and Origin checks, and who is asking. Raw ASGI, for HTTP and WebSocket."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quorum_mcp.access.authenticate import Authenticator
from quorum_mcp.access.network import check_host, check_origin
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.failures import error_response
from quorum_mcp.api.lasting import Lasting, LastingMessages
from quorum_mcp.api.login import LOGIN, LOGOUT
from quorum_mcp.api.mcp.endpoint import PATHS
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import Malformed, QuorumError
from quorum_mcp.operations.invoke import request_id

if TYPE_CHECKING:
    from quorum_mcp.api.sign_in import SignIn

OPEN = frozenset({"/api/health/live", "/api/health/ready"})
"""Paths that answer anyone, on any host name, and say nothing else."""
PUBLIC = ("/ui/",)
"""Paths of the web page's own files: they hold no data, so they need no key."""
KEYLESS = frozenset({"/", LOGIN, LOGOUT})
"""The page, and how it gets to show a key."""
NOSNIFF = (b"x-content-type-options", b"nosniff")
MOST_HOSTS = 1_000
"""Names of this server that were found good and are remembered."""
UNCHANGING = frozenset({"GET", "HEAD"})

_DECIDING = frozenset({b"host", b"origin"})
EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - bind addresses that name no host


class Guard:
    """Wraps the application; the principal is left in `scope["state"]`.

    `sign_in`, where there is one, decides about /mcp instead of the authenticator.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, authenticator: Authenticator, sign_in: "SignIn | None" = None
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._sign_in = sign_in
        self._described = frozenset(() if sign_in is None else sign_in.paths)
        named = {settings.server.host, *settings.server.allowed_hosts} - EVERY_ADDRESS
        self._hosts = frozenset(host.lower() for host in named)
        self._origins = frozenset(origin.rstrip("/") for origin in settings.server.allowed_origins)
        self._good: set[tuple[str | None, str | None]] = set()

    async def admit(self, exchange: Exchange) -> None:
        """Do the same for a request to a path that needs a key, without any wrapper around its answer.

        Raises what refuses it.
        """
        scope, headers = exchange.scope, exchange.headers
        request = request_id()
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request
        exchange.own = {"x-request-id": request, "x-content-type-options": "nosniff"}
        if len(headers) != len(scope["headers"]):
            _single(scope["headers"])
        self._addressed(headers, scope.get("server"))
        client = scope.get("client")
        exchange.again = partial(self._authenticator.authenticate, headers, client[0] if client else None)
        state["principal"] = self._authenticator.known(headers) or await exchange.again()

    def _addressed(self, headers: Mapping[str, str], server: tuple[str, int] | None) -> None:
        """Raise `Forbidden` unless the request names this server, and no other site made it."""
        host, local = headers.get("host"), server[0] if server else None
        if (host, local) not in self._good:
            check_host(host, allowed=self._hosts, local_address=local)
            if len(self._good) >= MOST_HOSTS:
                self._good.clear()
            self._good.add((host, local))
        check_origin(headers.get("origin"), host, allowed=self._origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on; a refused request never reaches a route."""
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id()
        if path in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        client = scope.get("client")
        try:
            _single(headers.raw)
            self._addressed(headers, scope.get("server"))
            if scope["type"] == "websocket" or not self._public(path):
                asked = (self._sign_in if path in PATHS else None) or self._authenticator
                asked_by = client[0] if client else None
                changes = scope.get("method") not in UNCHANGING
                again = partial(asked.authenticate, headers, asked_by, changes=changes)
                state["principal"] = who = await again()
                lasting = LastingMessages(receive, send, Lasting(who, again))
                receive, send = lasting.receive, lasting.send
        except QuorumError as error:
            error.request_id = state["request_id"]
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, _with_id(send, state["request_id"]))

    def _public(self, path: str) -> bool:
        return path in KEYLESS or path.startswith(PUBLIC) or path in self._described


def _single(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise `Malformed` where a header that decides stands there twice: the two could be judged apart."""
    names = [name for name, _ in headers if name in _DECIDING]
    if len(names) != len(set(names)):
        raise Malformed("Host or Origin stands there more than once", hint="send each of them once")


async def _refuse(error: QuorumError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send(
            {"type": "websocket.close", "code": 4401 if error.status == 401 else 4403, "reason": error.code}
        )
        return
    await error_response(error, scope["path"].removeprefix(scope.get("root_path", "")))(scope, receive, send)


def _with_id(send: Send, request: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            headers += [(b"x-request-id", request.encode()), NOSNIFF]
        await send(message)

    return sending
