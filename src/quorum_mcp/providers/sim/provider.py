"""The simulated panel as a provider: an ordinary endpoint of the OpenAI wire, of kind `sim`."""

from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.registry import Registry
from quorum_mcp.providers.sim.models import NAMES
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wire import Dialect
from quorum_mcp.providers.wires import load_wire

NAME = "sim"


def sim_provider(url: str, transport: Transport) -> Endpoint:
    """The provider `sim` of a server that listens at `url` (without a path); `transport` stays the caller's."""
    wire = load_wire("openai", Dialect(tasks=("embeddings",)))
    return Endpoint(NAME, wire, f"{url.rstrip('/')}/v1", Auth("bearer"), transport, kind="sim")


def register_sim(registry: Registry, url: str) -> None:
    """Make `sim/…` models callable through a registry."""
    registry.register(sim_provider(url, registry.transport), model=NAMES[0], models=NAMES)
