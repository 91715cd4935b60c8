"""The extension for tasks: a tool that deliberates answers at once with a task, which the client asks after.

A task is a session: it outlives the process that began it, any replica knows it, and only its organisation sees it.
"""

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    RequestParams,
)

from quorum_mcp.api.mcp.asking import is_modern
from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.errors import NotFound, QuorumError
from quorum_mcp.operations.card import AnyOperation

EXTENSION = "io.modelcontextprotocol/tasks"
METHODS = ("tasks/get", "tasks/update", "tasks/cancel")
POLL_MILLISECONDS = 2_000
OPEN = ("queued", "running")


class TaskId(RequestParams):
    """Which task."""

    task_id: str


def declared(ctx: Caller) -> bool:
    """Whether this client says that it knows tasks."""
    known = ctx.session.client_capabilities
    return is_modern(ctx) and known is not None and EXTENSION in (known.extensions or {})


def becomes_task(ctx: Caller, operation: AnyOperation) -> bool:
    """Whether the call is answered with a task: those whose result is made of a session's answers."""
    from quorum_mcp.consensus.ops.answering import FetchAnswer

    return declared(ctx) and issubclass(operation.output, FetchAnswer) and operation.worst_case is not None


async def begun(backend: Backend, answer: dict[str, Any]) -> dict[str, Any] | None:
    """The task of a session that goes on; None where it has ended already."""
    return (
        None if answer["status"] not in OPEN else _task(await _session(backend, answer["session_id"]), "task")
    )


async def handled(backend: Backend, ctx: Caller, params: TaskId) -> dict[str, Any]:
    """Answer one of the extension's methods.

    Raises:
        MCPError: the client did not declare the extension, or has no such task.
    """
    if not is_modern(ctx):
        raise MCPError(METHOD_NOT_FOUND, f"Method not found: {ctx.method}")
    if not declared(ctx):
        needed = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"declare the extension {EXTENSION}", needed)
    if ctx.request is not None and ctx.request.headers.get("mcp-name") != params.task_id:
        raise MCPError(HEADER_MISMATCH, "the header Mcp-Name has to be the taskId")
    try:
        session = await _session(backend, params.task_id)
        if ctx.method == "tasks/cancel":
            await _invoke(backend, "session.cancel", session_id=params.task_id)
    except NotFound as error:
        raise MCPError(INVALID_PARAMS, f"there is no task {params.task_id}", error.to_dict()) from None
    if ctx.method != "tasks/get":
        return {}  # no task ever asks its client for anything, so an update has nothing to do
    return await _with_result(backend, _task(session, "complete"))


async def _with_result(backend: Backend, task: dict[str, Any]) -> dict[str, Any]:
    from quorum_mcp.api.mcp.calling import completed, failure

    if task["status"] == "completed":
        try:
            found = await _invoke(backend, "q_out", session_id=task["taskId"], wait_seconds=0)
            added = found.pop("result") or {}
            result = completed(found | added)  # what the tool itself returns
        except QuorumError as error:
            result = failure(error)
        task["result"] = _dumped(result)
    return task


def _task(session: dict[str, Any], kind: str) -> dict[str, Any]:
    """A session as a task. What a tool fails with is a result of its own, so a failed one is completed."""
    ended = "cancelled" if session["status"] == "cancelled" else "completed"
    return {
        "resultType": kind,
        "taskId": session["session_id"],
        "status": "working" if session["status"] in OPEN else ended,
        "createdAt": session["created_at"],
        "lastUpdatedAt": session["updated_at"],
        "ttlMs": None,
        "pollIntervalMs": POLL_MILLISECONDS,
    }


def _dumped(result: CallToolResult) -> dict[str, Any]:
    return result.model_dump(by_alias=True, exclude_none=True, mode="json")


async def _session(backend: Backend, session_id: str) -> dict[str, Any]:
    return await _invoke(backend, "session.get", session_id=session_id)


async def _invoke(backend: Backend, name: str, **given: Any) -> dict[str, Any]:
    from quorum_mcp.operations.manifest import operations

    return await backend(operations()[name], given, None)
