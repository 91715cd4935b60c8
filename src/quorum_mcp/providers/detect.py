"""Which model servers run on this machine: loopback only, all ports at once, a blink of time each."""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from quorum_mcp.codec import JSONError, decode
from quorum_mcp.errors import ConfigError, ProviderError
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.catalog import LocalServer
from quorum_mcp.providers.setup import is_loopback
from quorum_mcp.providers.transport import HttpRequest, Transport
from quorum_mcp.providers.wires import load_wire

SECONDS = 0.3
"""How long one port may take to answer."""


class Found(Struct, frozen=True):
    """A server that answered as its kind does, and the models it lists."""

    name: str
    server: LocalServer
    models: tuple[str, ...]


async def detect(
    transport: Transport, servers: Mapping[str, LocalServer], seconds: float = SECONDS
) -> tuple[Found, ...]:
    """Ask every server for its list of models; what does not answer, or as something else, is not there.

    Raises:
        ConfigError: a server that is not on loopback: others are not probed.
    """
    for name, server in servers.items():
        if not is_loopback(server.base_url):
            raise ConfigError(f"{name} is not on this machine: {server.base_url}")
    probes = [_probe(transport, name, server, seconds) for name, server in servers.items()]
    return tuple(found for found in await asyncio.gather(*probes) if found is not None)


async def _probe(transport: Transport, name: str, server: LocalServer, seconds: float) -> Found | None:
    wire = load_wire(server.wire)
    request = HttpRequest("GET", server.base_url + wire.list_models().path)
    timeouts = Timeouts(connect=seconds, first_byte=seconds, idle=seconds, total=seconds)
    try:
        answer = await transport.fetch(request, timeouts)
        if answer.status != 200 or not _is(server, decode(answer.body)):
            return None
        return Found(name, server, tuple(model.id for model in wire.models(answer.body)))
    except (ProviderError, JSONError):
        return None


def _is(server: LocalServer, body: Any) -> bool:
    """Whether a list of models has the marks of this kind of server."""
    if not isinstance(body, dict):
        return False
    if server.owner is None:
        rows = body.get("models")
        return isinstance(rows, list) and all(isinstance(row, dict) and "name" in row for row in rows)
    rows = body.get("data")
    # An empty list has no marks at all, and port 8000 is our own usual one.
    return (
        isinstance(rows, list)
        and bool(rows)
        and all(
            isinstance(row, dict) and str(row.get("owned_by", "")).startswith(server.owner) for row in rows
        )
    )
