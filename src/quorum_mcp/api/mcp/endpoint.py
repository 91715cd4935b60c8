"""The path /mcp, before anybody asked for it: the protocol's package is imported with the first request."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from quorum_mcp.api.mcp.late import Late
from quorum_mcp.operations.context import Services

if TYPE_CHECKING:
    from quorum_mcp.api.mcp.http import McpApplication
    from quorum_mcp.api.mcp.offers import Offers
    from quorum_mcp.api.sign_in import SignIn

PATHS = ("/mcp", "/mcp/")


class McpEndpoint:
    """The ASGI application of /mcp. `run()` must be open while it serves.

    A server that nobody asks over MCP is spared the package's memory and half a second of start-up.
    """

    def __init__(
        self,
        services: Callable[[], Services],
        offers: "Offers | None" = None,
        sign_in: "SignIn | None" = None,
    ) -> None:
        self._services = services
        self._offers = offers
        self._sign_in = sign_in
        self._late = Late(self._open)

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None, None]:
        """The life of the sessions; it can be entered once."""
        try:
            yield
        finally:
            await self._late.close()

    def routes(self) -> list[Route]:
        """Its routes: exact paths, because a mount would answer POST /mcp with a redirect."""
        return [Route(path, self, name=path) for path in PATHS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that the guard let through."""
        application = await self._late.get()
        await application(scope, receive, send)

    @asynccontextmanager
    async def _open(self) -> "AsyncGenerator[McpApplication, None]":
        kind = await asyncio.to_thread(_imported)  # in a thread, so that others are answered meanwhile
        application = kind(self._services, self._offers, self._sign_in)
        async with application.run():
            yield application


def _imported() -> "type[McpApplication]":
    from quorum_mcp.api.mcp.http import McpApplication

    return McpApplication
