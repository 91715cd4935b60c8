"""MCP over standard input and output: nothing but the protocol goes out, talk goes to standard error.

Hosts start this process and wait for the answer to `initialize`, so what that answer does not need comes
later: the manifest with the first list of tools, the database with the first call.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, redirect_stdout
from typing import TYPE_CHECKING, Any

from quorum_mcp.access.principal import LOCAL

if TYPE_CHECKING:
    from quorum_mcp.api.mcp.backend import Backend
    from quorum_mcp.operations.card import AnyOperation
    from quorum_mcp.operations.context import Progress, Services

ServicesFactory = Callable[[], "AbstractAsyncContextManager[Services]"]


async def run(services_factory: ServicesFactory) -> None:
    """Serve one client until it closes standard input, with services of this process's own."""
    late = LateServices(services_factory)

    async def embedded(
        operation: "AnyOperation", arguments: Mapping[str, Any], progress: "Progress | None"
    ) -> dict[str, Any]:
        from quorum_mcp.api.mcp.backend import local
        from quorum_mcp.operations.invoke import request_id

        return await local(await late.get(), LOCAL, request_id())(operation, arguments, progress)

    try:
        await serve(embedded)
    finally:
        await late.close()


async def serve(backend: "Backend") -> None:
    """Serve one client until it closes standard input; `backend` carries out what it asks for."""
    gc.disable()  # importing makes nothing but lasting objects: collecting meanwhile is a tenth of the time
    from mcp.server.stdio import stdio_server

    from quorum_mcp.api.mcp.server import build

    gc.freeze()
    gc.enable()
    server = build(lambda _: backend)
    async with stdio_server() as (incoming, outgoing):
        with redirect_stdout(sys.stderr):
            await server.run(incoming, outgoing, server.create_initialization_options())


class LateServices:
    """Services that open when they are first needed, and stay open until `close`.

    One task opens and closes them, so that what they hold is released by the task that took it.
    """

    def __init__(self, factory: ServicesFactory) -> None:
        self._factory = factory
        self._ready: asyncio.Future[Services] | None = None
        self._done = asyncio.Event()
        self._holder: asyncio.Task[None] | None = None

    async def get(self) -> "Services":
        """The services. Raises what opening them failed with; the next call tries again."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._holder = asyncio.create_task(self._hold(self._ready), name="services")
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """Close what was opened."""
        self._done.set()
        if self._holder is not None:
            await self._holder

    async def _hold(self, ready: "asyncio.Future[Services]") -> None:
        try:
            async with self._factory() as services:
                ready.set_result(services)
                await self._done.wait()
        except Exception as error:
            if ready.done():
                raise
            self._ready = None
            ready.set_exception(error)
