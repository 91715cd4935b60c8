"""How a tool call over the bridge ended, as its caller reads it."""

from typing import Any

from quorum_mcp.errors import QuorumError
from quorum_mcp.events import now

PATHS = ("/mcp/", "/tools/", "/v1/orchestrate/")
"""What the paths of calls begin with; the rest is the tool's name, or the operation's path."""


def success(result: Any, tool: str, request_id: str) -> dict[str, Any]:
    """A call that worked."""
    return {"success": True, "result": result, "tool": tool, "timestamp": now(), "request_id": request_id}


def failure(error: QuorumError, tool: str) -> dict[str, Any]:
    """A call that did not; the error is the one of every other surface."""
    return {"success": False, "error": error.to_dict(), "tool": tool, "timestamp": now()}


def failure_at(error: QuorumError, path: str) -> dict[str, Any] | None:
    """The body of an error at a path of the bridge; None for another path."""
    for beginning in PATHS:
        if path.startswith(beginning):
            return failure(error, path.removeprefix(beginning)[:200])
    return None
