"""The ports that older clients use, for the application that listens on its own one anyway."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.types import ASGIApp

from quorum_mcp.api.listener import bound, listening
from quorum_mcp.config.settings import Settings


def ports(settings: Settings) -> dict[str, int]:
    """The settings that ports are from, with the ports."""
    server = settings.server
    return {
        "server.bridge_rest_port": server.bridge_rest_port,
        "server.bridge_websocket_port": server.bridge_websocket_port,
        "MCP_PORT": settings.mcp_port,
    }


def check_ports(settings: Settings) -> None:
    """Raise `ConfigError` where the bridge is wanted and a port of it cannot be had."""
    if settings.server.bridge:
        for setting, port in ports(settings).items():
            bound(settings.server.bridge_host, port, setting).close()


@asynccontextmanager
async def bridged(app: ASGIApp, settings: Settings) -> AsyncGenerator[None, None]:
    """Serve `app` on the bridge's ports while the context is open, where the settings want the bridge.

    Raises:
        ConfigError: a port cannot be had.
    """
    async with AsyncExitStack() as stack:
        if settings.server.bridge:
            for setting, port in ports(settings).items():
                await stack.enter_async_context(listening(app, settings.server.bridge_host, port, setting))
        yield
