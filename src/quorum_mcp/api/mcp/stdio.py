"""MCP over standard input and output: nothing but the protocol goes out, talk goes to standard error.

Hosts start this process and wait for the answer to `initialize`, so what that answer does not need comes
later: the manifest with the first list of tools; settings, database and connections with the first call.
"""

import gc
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quorum_mcp.api.mcp.late import Late

if TYPE_CHECKING:
    from quorum_mcp.api.mcp.backend import Backend, Tell
    from quorum_mcp.api.mcp.consent import Consent
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.operations.card import AnyOperation
    from quorum_mcp.operations.context import Services

Start = Callable[["Settings"], "AbstractAsyncContextManager[Services]"]
OpenBackend = Callable[[], "AbstractAsyncContextManager[Backend]"]


async def run(
    start: Start, *, config: Path | None = None, url: str | None = None, toolsets: Sequence[str] = ()
) -> None:
    """Serve one client until it closes standard input.

    Tools are carried out by the server that `url` or `QUORUM_URL` names, else here, by the services that
    `start` opens. Both are looked at with the first call, whose caller is told if the configuration cannot
    be used.

    Args:
        start: opens this process's own services; it may import them as late as when it is called.
        config: the quorum.yaml to read; absent: the user's own, never one of the working directory.
        url: the server to relay to; absent: what the settings say.
        toolsets: which tools are listed; absent: the default ones.
    """
    await serve(lambda: _chosen(start, config, url), toolsets)


async def serve(open_backend: OpenBackend, toolsets: Sequence[str] = ()) -> None:
    """Serve one client until it closes standard input; the backend is opened with the first call."""
    gc.disable()  # importing makes nothing but lasting objects: collecting meanwhile is a tenth of the time
    from mcp.server.stdio import stdio_server

    from quorum_mcp.api.mcp.server import build

    gc.freeze()
    gc.enable()
    opening = Late(open_backend)
    backend = late(opening)
    server = build(lambda _: backend, toolsets=toolsets)
    try:
        async with stdio_server() as (incoming, outgoing):
            with redirect_stdout(sys.stderr):
                await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        await opening.close()


@asynccontextmanager
async def _chosen(start: Start, config: Path | None, url: str | None) -> "AsyncGenerator[Backend, None]":
    from quorum_mcp.config.load import load

    settings = load(config=config)
    if (server := url or settings.url) is not None:
        from quorum_mcp.api.mcp.relay import relay

        async with relay(server, settings.api_key) as backend:
            yield backend
        return
    from quorum_mcp.access.principal import LOCAL
    from quorum_mcp.api.mcp.backend import local
    from quorum_mcp.operations.invoke import request_id

    async with start(settings) as services:

        async def embedded(
            operation: "AnyOperation",
            arguments: Mapping[str, Any],
            tell: "Tell | None",
            consent: "Consent | None" = None,
            *,
            detached: bool = False,
        ) -> dict[str, Any]:
            one = local(services, LOCAL, request_id())
            return await one(operation, arguments, tell, consent, detached=detached)

        yield embedded


def late(backend: "Late[Backend]") -> "Backend":
    """A backend that is opened with its first call, which is told what opening failed with."""

    async def carry_out(
        operation: "AnyOperation",
        arguments: Mapping[str, Any],
        tell: "Tell | None",
        consent: "Consent | None" = None,
        *,
        detached: bool = False,
    ) -> dict[str, Any]:
        opened = await backend.get()
        return await opened(operation, arguments, tell, consent, detached=detached)

    return carry_out
