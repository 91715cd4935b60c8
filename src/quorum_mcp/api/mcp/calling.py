"""One tool call: supervised, stopped when its caller is gone, its failure told so that the assistant can act."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import structlog
from mcp_types import CallToolResult, TextContent

from quorum_mcp import codec
from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.progress import BEAT_SECONDS, Reporter
from quorum_mcp.errors import Cancelled, QuorumError
from quorum_mcp.operations.card import AnyOperation

STOP_SECONDS = 5.0
"""How long a stopped operation may take to put its things in order."""

log = structlog.get_logger()


async def call_tool(
    backend: Backend,
    operation: AnyOperation,
    arguments: Mapping[str, Any],
    *,
    reporter: Reporter | None,
    hung_up: "asyncio.Future[None] | None",
) -> CallToolResult:
    """Carry out the tool's operation. Whatever it fails with is a result marked as an error, never raised."""
    try:
        work = backend(operation, arguments, reporter)
        answer = await supervised(work, hung_up, reporter.beat if reporter else None)
    except QuorumError as error:
        return failure(error)
    except Exception:
        log.exception("tool.crashed", tool=operation.tool)
        return failure(QuorumError("internal error", hint="the server's log has the details"))
    return CallToolResult(content=[_text(answer)], structured_content=answer)


def failure(error: QuorumError) -> CallToolResult:
    """An error as the assistant reads it: the same body that REST answers with.

    It goes as text only: clients hold structured content against the tool's output schema.
    """
    return CallToolResult(content=[_text({"error": error.to_dict()})], is_error=True)


def _text(value: dict[str, Any]) -> TextContent:
    return TextContent(type="text", text=codec.encode_text(value))


async def supervised(
    work: Awaitable[dict[str, Any]],
    hung_up: "asyncio.Future[None] | None",
    beat: Callable[[], Awaitable[None]] | None,
) -> dict[str, Any]:
    """Await `work`, with a beat in every long silence; stop it when the caller hangs up or we are cancelled.

    The work is a task of its own, so that it is cancelled once: inside a cancelled scope of anyio every
    further await would be cut as well, those that settle what was spent too.

    Raises:
        Cancelled: the caller hung up.
    """
    task = asyncio.ensure_future(work)

    def stop(_: object) -> None:
        task.cancel()

    if hung_up is not None:
        hung_up.add_done_callback(stop)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=BEAT_SECONDS)
            if beat is not None and not task.done():
                await beat()
        if task.cancelled():
            raise Cancelled("the caller hung up")
        return task.result()
    finally:
        if hung_up is not None:
            hung_up.remove_done_callback(stop)
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait({task}, timeout=STOP_SECONDS)
