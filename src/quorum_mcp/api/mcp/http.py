"""What serves /mcp (streamable HTTP), behind the same guard as every other path."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from quorum_mcp.access.master_keys import MasterKeys
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.exchange import header_map
from quorum_mcp.api.failures import error_response
from quorum_mcp.api.mcp.backend import Backend, local
from quorum_mcp.api.mcp.offers import Caller, Offers
from quorum_mcp.api.mcp.peers import Peers
from quorum_mcp.api.mcp.resuming import Sessions
from quorum_mcp.api.mcp.server import build
from quorum_mcp.api.mcp.tools import tool_operations
from quorum_mcp.api.sign_in import SignIn
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import Forbidden
from quorum_mcp.operations.context import Services

MAX_BODY = 32 * 1024 * 1024


class McpApplication:
    """Both revisions of the protocol over HTTP. `run()` must be open while it serves."""

    def __init__(
        self,
        services: Callable[[], Services],
        offers: Offers | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self._services = services
        self._sign_in = sign_in
        self._manager = Sessions(
            build(self._bind, offers=offers, keys=self._keys),
            services().get(Peers).name,
            # The guard has checked Host and Origin against server.allowed_hosts and allowed_origins before
            # any request comes here; a second list could only disagree with it.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=MAX_BODY,
        )

    def run(self) -> AbstractAsyncContextManager[None]:
        """The life of the sessions; it can be entered once."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that the guard let through."""
        state = scope["state"]
        if self._sign_in is not None and (missing := _missing(scope, state["principal"])):
            await _insufficient(self._sign_in, missing, state["request_id"])(scope, receive, send)
            return
        scope["user"] = _user(state["principal"])
        # White space around a value is no part of it (RFC 9110, 5.5); the HTTP parser leaves it at the end.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        headers = header_map(scope["headers"])
        peers = self._services().get(Peers)
        if (name := headers.get(MCP_SESSION_ID_HEADER)) is not None:
            place = peers.elsewhere(name, headers)
            if place is not None:
                await peers.hand_on(place, scope, receive, send)
                return
        watch = Watch(receive, send)
        state["hung_up"] = watch.hung_up
        try:
            await self._manager.asgi_app(scope, watch.receive, watch.send)
        finally:
            watch.end()

    def _keys(self) -> MasterKeys:
        return MasterKeys.of(self._services().get(Settings))

    def _bind(self, ctx: Caller) -> Backend:
        assert ctx.request is not None
        state = ctx.request.state
        return local(self._services(), state.principal, state.request_id)


class Watch:
    """Notices that a caller is gone before its answer ended.

    In the revision of 2025-11-25 a tool outlives the request that called it, and the SDK lets it run on
    when the connection drops. Nobody could read the answer any more, so `hung_up` stops the work.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self.hung_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._receive = receive
        self._send = send
        self._answered = False

    async def receive(self) -> Message:
        """The next message from the client."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.end()
        return message

    async def send(self, message: Message) -> None:
        """Send a message to the client."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._answered = True

    def end(self) -> None:
        """There will be no more of this exchange."""
        if not self._answered and not self.hung_up.done():
            self.hung_up.set_result(None)


def _user(principal: Principal) -> AuthenticatedUser:
    """The principal in the SDK's form: a session answers only to whoever opened it."""
    return AuthenticatedUser(AccessToken(token="", client_id=principal.id, scopes=sorted(principal.scopes)))


def _missing(scope: Scope, principal: Principal) -> frozenset[str]:
    """The scopes that a user who signed in lacks for the tool that the newer revision names in a header.

    The older one does not: there the call itself says it. A header that does not fit the body is refused later.
    """
    if principal.kind != "user":
        return frozenset()
    headers = dict(scope["headers"])
    named = headers.get(b"mcp-name", b"") if headers.get(b"mcp-method") == b"tools/call" else b""
    operation = tool_operations().get(named.decode("latin-1"))
    return frozenset() if operation is None else operation.scopes - principal.scopes


def _insufficient(sign_in: SignIn, missing: frozenset[str], request_id: str) -> Response:
    """A refusal from which a client learns which scopes to ask for."""
    error = Forbidden(f"this needs the scope {', '.join(sorted(missing))}", hint="sign in again and allow it")
    error.challenge = sign_in.challenge(error, scopes=missing)
    error.request_id = request_id
    return error_response(error)
