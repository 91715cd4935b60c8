"""uvicorn as every port of ours runs it: own connections, looked at once a second, and callers taken many at a time."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import cast

import uvicorn

from quorum_mcp.api.accepting import Acceptor
from quorum_mcp.api.connection import Connection, sweep


class OwnServer(uvicorn.Server):
    """Serves on `listener`. Signals are left to whoever runs the process."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are taken elsewhere, and an end that was asked for is no failure."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; every tenth time, connections are looked at."""
        if counter % 10 == 0:
            sweep(self.server_state.connections)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - it is our own
        """Start; callers are taken by an `Acceptor`."""
        await super().startup([])
        if self.started:
            self.servers.append(cast("asyncio.Server", Acceptor(self._listener, self._protocol)))

    def _protocol(self) -> Connection:
        return Connection(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=asyncio.get_running_loop(),
        )
