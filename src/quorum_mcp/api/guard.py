"""Before any route: a request id, the Host and Origin checks, and who is asking. Raw ASGI, for HTTP and WebSocket."""

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quorum_mcp.access.authenticate import Authenticator
from quorum_mcp.access.network import check_host, check_origin
from quorum_mcp.api.failures import error_response
from quorum_mcp.api.lasting import Lasting
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
        server, client = scope.get("server"), scope.get("client")
        try:
            _single(headers)
            check_host(headers.get("host"), allowed=self._hosts, local_address=server[0] if server else None)
            check_origin(headers.get("origin"), headers.get("host"), allowed=self._origins)
            if scope["type"] == "websocket" or not self._public(path):
                asked = (self._sign_in if path in PATHS else None) or self._authenticator
                asked_by = client[0] if client else None
                changes = scope.get("method") not in UNCHANGING
                again = partial(asked.authenticate, headers, asked_by, changes=changes)
                state["principal"] = who = await again()
                lasting = Lasting(receive, send, who, again)
                receive, send = lasting.receive, lasting.send
        except QuorumError as error:
            error.request_id = state["request_id"]
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, _with_id(send, state["request_id"]))

    def _public(self, path: str) -> bool:
        return path in KEYLESS or path.startswith(PUBLIC) or path in self._described


def _single(headers: Headers) -> None:
    """Raise `Malformed` where a header that decides stands there twice: the two could be judged apart."""
    names = [name for name, _ in headers.raw if name in _DECIDING]
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
            headers += [(b"x-request-id", request.encode()), (b"x-content-type-options", b"nosniff")]
        await send(message)

    return sending
