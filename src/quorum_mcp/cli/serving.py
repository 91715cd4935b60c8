"""A server in the foreground: its listener, its first words, its orderly end."""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import uvicorn

from quorum_mcp.api.connection import Connection
from quorum_mcp.api.own_server import OwnServer
from quorum_mcp.config.bounds import MAX_MESSAGE
from quorum_mcp.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE_SECONDS = 3
"""How long open answers may go on after the server was told to end."""

GARBAGE = 10_000
"""How many more objects than before there may be, before the youngest are searched for garbage."""
UNSENT = 64 * 1024
"""Bytes of an answer that the system takes before the caller has: by itself it takes megabytes, and what a slow
reader has not taken has been paid for and read already."""


def listen(host: str, port: int) -> socket.socket:
    """A bound listener; port 0 takes any free one.

    Raises:
        ConfigError: the address cannot be used, such as when another program has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port}: {reason}", hint=f"try another one: --port {port + 1}"
        ) from error
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds the listener."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{host}:{port}"


class Server(OwnServer):
    """Serves an application on a listener until `stop`, an interrupt or a request to terminate.

    `leave` is awaited first when it ends: what keeps answers open, such as runs that are followed.
    """

    def __init__(
        self,
        app: "ASGIApp",
        listener: socket.socket,
        *,
        root_path: str = "",
        access_log: bool = False,
        leave: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            loop="none",  # whoever starts this has chosen it
            lifespan="on",
            proxy_headers=False,  # who is local is judged by the connection itself
            server_header=False,
            access_log=access_log,
            log_level="info" if access_log else "warning",
            root_path=root_path,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws="quorum_mcp.api.websocket_protocol:Bounded",
            ws_max_size=MAX_MESSAGE,
        )
        super().__init__(config, listener)
        self._ready: Callable[[], None] = lambda: None
        self._leave = leave

    async def run_until_stopped(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve; `ready` is called once connections are answered."""
        self._ready = ready
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        # An interrupt that came while all this was imported takes effect here, not amidst the start.
        await asyncio.sleep(0)
        try:
            await self.serve(sockets=[self._listener])
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            self._listener.close()

    def stop(self) -> None:
        """Begin the orderly end."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open answers come to their end, then wait for them."""
        if self._leave is not None:
            await self._leave()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        # What was made until now stays: looking through it for garbage is a twentieth of a call's work. And calls
        # leave hardly anything in circles, so that it is looked for less often than every second call.
        gc.freeze()
        gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])
        if self.started:
            self._ready()


def uvloop_factory() -> "Callable[[], asyncio.AbstractEventLoop] | None":
    """The faster event loop, where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
