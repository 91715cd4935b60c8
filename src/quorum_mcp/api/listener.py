"""One more port or socket in the process of the server: for metrics, and whatever else is kept apart."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from quorum_mcp.api.connection import Connection
from quorum_mcp.api.own_server import OwnServer
from quorum_mcp.config.bounds import MAX_MESSAGE
from quorum_mcp.errors import ConfigError

GRACE_SECONDS = 1


def bound(host: str, port: int, setting: str) -> socket.socket:
    """A listener on host and port. Raises `ConfigError` with the setting's name where the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"{setting}: cannot listen on {host}:{port}: {error.strerror or error}",
            hint="set another port, or leave it out",
        ) from error


@asynccontextmanager
async def listening(app: ASGIApp, host: str, port: int, setting: str) -> AsyncGenerator[None, None]:
    """Serve `app` on host and port for as long as the context is open.

    Args:
        app: what answers; its lifespan is not run.
        host: the address to bind.
        port: the port.
        setting: the name of the setting that the port is from, for the error.

    Raises:
        ConfigError: the port cannot be had.
    """
    async with serving(app, bound(host, port, setting), setting):
        yield


def unix_listener(path: Path) -> socket.socket:
    """A listener on a socket in a folder that others cannot open.

    Raises:
        ConfigError: the socket cannot be made, such as when its path is too long.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a worker that died
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {path}: {error.strerror or error}",
            hint="set TMPDIR to a folder with a short path",
        ) from error
    return listener


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket, name: str) -> AsyncGenerator[None, None]:
    """Serve `app` on a listener for as long as the context is open; `app`'s lifespan is not run."""
    config = uvicorn.Config(
        app,
        http=Connection,
        loop="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="quorum_mcp.api.websocket_protocol:Bounded",
        ws_max_size=MAX_MESSAGE,
    )
    server = OwnServer(config, listener)
    task = asyncio.create_task(server.serve(sockets=[listener]), name=name)
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({task})
        listener.close()
