"""The operations that are offered as tools, by the tools' names."""

import difflib
from functools import cache

from quorum_mcp.errors import NotFound
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations


@cache
def tool_operations() -> dict[str, AnyOperation]:
    """The operations that are tools, in the manifest's order."""
    return {
        operation.tool: operation
        for operation in operations().values()
        if operation.tool is not None and "mcp" in operation.surfaces
    }


def tool_operation(name: str) -> AnyOperation:
    """The operation of a tool. Raises `NotFound` with the nearest name."""
    found = tool_operations().get(name)
    if found is None:
        raise NotFound(f"there is no tool {name[:100]!r}", hint=nearest(name))
    return found


def nearest(name: str) -> str:
    """What to say to somebody who asked for a tool that is not there."""
    known = list(tool_operations())
    close = difflib.get_close_matches(name[:100], known, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
