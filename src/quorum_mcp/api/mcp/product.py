"""What the product offers besides its tools."""

from quorum_mcp.api.mcp.offers import Bind, Offers
from quorum_mcp.api.mcp.prompts import prompts
from quorum_mcp.api.mcp.resources import resources, templates
from quorum_mcp.api.mcp.session_tasks import SessionTasks


def product(bind: Bind) -> Offers:
    """Its resources, prompts and tasks, each with the rights of whoever asks."""
    return Offers(
        resources=resources(bind),
        templates=templates(bind),
        prompts=prompts(bind),
        tasks=[SessionTasks(bind)],
    )
