"""What the product offers besides its tools."""

from collections.abc import Callable

from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.offers import Caller, Offers
from quorum_mcp.api.mcp.prompts import prompts
from quorum_mcp.api.mcp.resources import resources, templates


def product(bind: Callable[[Caller], Backend]) -> Offers:
    """Its resources and prompts, each read with the rights of whoever asks."""
    return Offers(resources=resources(bind), templates=templates(bind), prompts=prompts(bind))
