"""An application that is built when it starts, not when its module is imported."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from quorum_mcp.errors import QuorumError


class Deferred:
    """Builds its application at the first event, which is the start of its life.

    An error of the configuration is told to the server in one line, as a start-up that failed.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on to the application."""
        if self._app is None:
            try:
                self._app = self._build()
            except QuorumError as error:
                if scope["type"] != "lifespan":
                    raise
                await receive()
                hint = f" ({error.hint})" if error.hint else ""
                await send({"type": "lifespan.startup.failed", "message": f"error: {error.message}{hint}"})
                return
        await self._app(scope, receive, send)
