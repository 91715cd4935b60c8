"""A simulated panel for a test, and requests to it."""

import contextlib
from collections.abc import AsyncIterator

from quorum_mcp.consensus import prompts
from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.sim.server import SimServer, start
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

WIRES = {"openai": "/v1", "anthropic": "", "google": "", "mistral": "", "ollama": ""}
QUICK = Timeouts(connect=1, first_byte=1, idle=1, total=3)
SEATED = message("system", prompts.SEAT)


@contextlib.asynccontextmanager
async def sim(**options: float) -> AsyncIterator[tuple[SimServer, Transport]]:
    transport = Transport()
    async with await start(**{"speed": 0.0, **options}) as server:
        try:
            yield server, transport
        finally:
            await transport.close()


def speaking(wire: str, server: SimServer, transport: Transport) -> Endpoint:
    return Endpoint("sim", load_wire(wire), server.url + WIRES[wire], Auth("bearer"), transport, kind="sim")


def asked(model: str, *texts: str, **more: object) -> ModelRequest:
    messages = (SEATED, *(message("user", text) for text in texts))
    return ModelRequest(model, messages, **more)  # pyright: ignore[reportArgumentType]
