"""Tasks of tools that deliberate: such a task is a session.

So it outlives the process that began it, any replica knows it, and only its organisation sees it.
"""

from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolResult

from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.offers import Bind, Caller
from quorum_mcp.api.mcp.tasks import Fields, declared, task
from quorum_mcp.errors import NotFound, QuorumError
from quorum_mcp.operations.card import AnyOperation

OPEN = ("queued", "running")


def becomes_task(ctx: Caller, operation: AnyOperation) -> bool:
    """Whether the call is answered with a task: those whose result is made of a session's answers."""
    from quorum_mcp.consensus.ops.answering import FetchAnswer

    return declared(ctx) and issubclass(operation.output, FetchAnswer) and operation.worst_case is not None


async def begun(backend: Backend, answer: Fields) -> Fields | None:
    """The task of a session that goes on; None where it has ended already."""
    return None if answer["status"] not in OPEN else _task(await _session(backend, answer["session_id"]))


class SessionTasks:
    """The sessions as tasks, each request with its caller's own rights."""

    def __init__(self, bind: Bind) -> None:
        self._bind = bind

    async def get(self, ctx: Caller, task_id: str) -> Fields | None:
        """The task, with its result where it has ended."""
        backend = self._bind(ctx)
        try:
            found = _task(await _session(backend, task_id))
        except NotFound:
            return None
        return await _with_result(backend, found)

    async def update(self, ctx: Caller, task_id: str, answers: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """No session ever asks its client for anything, so there is nothing to do."""
        try:
            await _session(self._bind(ctx), task_id)
        except NotFound:
            return False
        return True

    async def cancel(self, ctx: Caller, task_id: str) -> bool:
        """Stop the session."""
        try:
            await _invoke(self._bind(ctx), "session.cancel", session_id=task_id)
        except NotFound:
            return False
        return True


async def _with_result(backend: Backend, found: Fields) -> Fields:
    from quorum_mcp.api.mcp.calling import completed, failure

    if found["status"] == "completed":
        try:
            answer = await _invoke(backend, "q_out", session_id=found["taskId"], wait_seconds=0)
            added = answer.pop("result") or {}
            result = completed(answer | added)  # what the tool itself returns
        except QuorumError as error:
            result = failure(error)
        found["result"] = _dumped(result)
    return found


def _task(session: Fields) -> Fields:
    """A session as a task. What a tool fails with is a result of its own, so a failed one is completed."""
    ended = "cancelled" if session["status"] == "cancelled" else "completed"
    status = "working" if session["status"] in OPEN else ended
    return task(session["session_id"], status, session["created_at"], session["updated_at"])


def _dumped(result: CallToolResult) -> Fields:
    return result.model_dump(by_alias=True, exclude_none=True, mode="json")


async def _session(backend: Backend, session_id: str) -> Fields:
    return await _invoke(backend, "session.get", session_id=session_id)


async def _invoke(backend: Backend, name: str, **given: Any) -> Fields:
    from quorum_mcp.operations.manifest import operations

    return await backend(operations()[name], given, None)
