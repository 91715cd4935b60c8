"""The extension for tasks: a tool that takes long answers at once with a task, which the client asks after."""

from collections.abc import Sequence
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)

from quorum_mcp.api.mcp.asking import is_modern
from quorum_mcp.api.mcp.offers import Caller, TaskStore

EXTENSION = "io.modelcontextprotocol/tasks"
METHODS = ("tasks/get", "tasks/update", "tasks/cancel")
POLL_MILLISECONDS = 2_000
Fields = dict[str, Any]


class TaskRequest(RequestParams):
    """Which task; and with an update, answers to what it asked, by the names of its questions."""

    task_id: str
    input_responses: dict[str, Any] | None = None


def declared(ctx: Caller) -> bool:
    """Whether this client says that it knows tasks."""
    known = ctx.session.client_capabilities
    return is_modern(ctx) and known is not None and EXTENSION in (known.extensions or {})


def require_declared(ctx: Caller) -> None:
    """Raise the protocol's error unless this client knows tasks."""
    if not declared(ctx):
        needed = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"declare the extension {EXTENSION}", needed)


def task(task_id: str, status: str, created_at: str, updated_at: str) -> Fields:
    """A task as the answer to the call that begins it; it is kept as long as what it is made of."""
    return {
        "resultType": "task",
        "taskId": task_id,
        "status": status,
        "createdAt": created_at,
        "lastUpdatedAt": updated_at,
        "ttlMs": None,
        "pollIntervalMs": POLL_MILLISECONDS,
    }


async def handled(stores: Sequence[TaskStore], ctx: Caller, params: TaskRequest) -> Fields:
    """Answer one of the extension's methods.

    Raises:
        MCPError: the client did not declare the extension, or has no such task.
    """
    if not is_modern(ctx):
        raise MCPError(METHOD_NOT_FOUND, f"Method not found: {ctx.method}")
    require_declared(ctx)
    if ctx.request is not None and ctx.request.headers.get("mcp-name") != params.task_id:
        raise MCPError(HEADER_MISMATCH, "the header Mcp-Name has to be the taskId")
    for store in stores:
        match ctx.method:
            case "tasks/get":
                found = await store.get(ctx, params.task_id)
                if found is not None:
                    return found | {"resultType": "complete"}
            case "tasks/update":
                if await store.update(ctx, params.task_id, params.input_responses or {}):
                    return {}
            case _:
                if await store.cancel(ctx, params.task_id):
                    return {}
    raise MCPError(INVALID_PARAMS, f"there is no task {params.task_id}")
