"""One tool call: supervised, stopped when its caller is gone, its failure told so that the assistant can act."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import structlog
from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult, TextContent

from quorum_mcp import codec
from quorum_mcp.api.mcp.asking import answered, ask_now, can_be_asked, is_modern, question
from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.consent import Consent, Unconfirmed
from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.api.mcp.progress import BEAT_SECONDS, Reporter
from quorum_mcp.api.mcp.session_tasks import becomes_task, begun
from quorum_mcp.errors import Cancelled, QuorumError
from quorum_mcp.operations.card import AnyOperation

STOP_SECONDS = 5.0
"""How long a stopped operation may take to put its things in order."""

T = TypeVar("T")
log = structlog.get_logger()


async def call_operation(
    backend: Backend, operation: AnyOperation, ctx: Caller, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult | dict[str, Any]:
    """Carry out the tool's operation, asking the user first where it may cost much.

    Whatever it fails with is a result marked as an error, never raised. A client that knows tasks gets one where
    the tool deliberates.
    """
    token = ctx.meta.get("progress_token") if ctx.meta else None
    reporter = Reporter(ctx, token)
    hung_up = None if ctx.request is None else ctx.request.state.hung_up
    given = params.arguments or {}
    detached = becomes_task(ctx, operation)

    async def carried_out(consent: Consent | None) -> dict[str, Any]:
        tell = reporter if reporter.wanted else None
        work = backend(operation, given, tell, consent, detached=detached)
        return await supervised(work, hung_up, reporter.beat)

    try:
        try:
            answer = await carried_out(answered(params))
        except Unconfirmed as needed:
            if not can_be_asked(ctx):
                raise
            if is_modern(ctx):
                return question(needed)
            consent = await supervised(ask_now(ctx, needed), hung_up, reporter.beat)
            answer = await carried_out(consent)
        if detached and (task := await begun(backend, answer)) is not None:
            return task
    except QuorumError as error:
        return failure(error)
    except Exception:
        log.exception("tool.crashed", tool=operation.tool)
        crash = QuorumError("internal error", hint="the server's log has the details")
        crash.request_id = None if ctx.request is None else ctx.request.state.request_id
        return failure(crash)
    return completed(answer)


def completed(answer: dict[str, Any]) -> CallToolResult:
    """An operation's output as a tool's result."""
    return CallToolResult(content=[_text(answer)], structured_content=answer)


def failure(error: QuorumError) -> CallToolResult:
    """An error as the assistant reads it: the same body that REST answers with.

    It goes as text only: clients hold structured content against the tool's output schema.
    """
    return CallToolResult(content=[_text({"error": error.to_dict()})], is_error=True)


def _text(value: dict[str, Any]) -> TextContent:
    return TextContent(type="text", text=codec.encode_text(value))


async def supervised(
    work: Awaitable[T],
    hung_up: "asyncio.Future[None] | None",
    beat: Callable[[], Awaitable[None]] | None,
) -> T:
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
