"""REST: a route for every operation whose card has one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from quorum_mcp import codec
from quorum_mcp.api.failures import error_response
from quorum_mcp.api.rate_headers import rate_headers
from quorum_mcp.api.repeats import HEADER
from quorum_mcp.api.tables import csv_response, wants_csv
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import Cancelled, Malformed, QuorumError, TooLarge
from quorum_mcp.events import Event
from quorum_mcp.operations.card import AnyOperation, Effect
from quorum_mcp.operations.context import Context, Services
from quorum_mcp.operations.invoke import invoke
from quorum_mcp.operations.manifest import operations
from quorum_mcp.runs.service import Runs

MAX_BODY = 64 * 1024 * 1024
ASKING = frozenset({"query", "session.rerun"})
"""Operations that begin a run; one that goes on when they answer is accepted, not done."""
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(services: Callable[[], Services]) -> list[Route]:
    """The routes of the manifest; `services` is asked at each request, because it is there only once running."""
    found: list[Route] = []
    for operation in operations().values():
        if operation.http is not None and "rest" in operation.surfaces:
            endpoint = guarded(_endpoint(operation, services))
            found.append(
                Route(operation.http.path, endpoint, methods=[operation.http.method], name=operation.name)
            )
    return found


def guarded(endpoint: Endpoint) -> Endpoint:
    """The endpoint with our errors as responses, stopped when its caller hangs up."""

    async def handle(request: Request) -> Response:
        try:
            request.state.body = await _bounded(request)
            response = await while_connected(request, endpoint(request))
        except QuorumError as error:
            error.request_id = error.request_id or request.state.request_id
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            response = error_response(error, path)
        response.headers.update(getattr(request.state, "rate_headers", {}))
        return response

    return handle


async def while_connected(request: Request, work: Awaitable[Response]) -> Response:
    """Await `work`; if the caller hangs up first, cancel it.

    The body must have been read before: what watches for the hang-up would take its pieces.
    """
    task = asyncio.ensure_future(work)
    gone: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({task}, timeout=0.02)  # most requests are done before watching is worth it
        if not task.done():
            gone = asyncio.create_task(_hung_up(request))
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise Cancelled("the caller hung up")
        return task.result()
    finally:
        task.cancel()
        if gone is not None:
            gone.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def context(request: Request, services: Services) -> Context:
    """The operation's context for an authenticated request."""
    return Context(request.state.principal, services, surface="rest", request_id=request.state.request_id)


def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises `Malformed` for anything else."""
    raw: bytes = request.state.body
    if not raw:
        return {}
    kind = request.headers.get("content-type", "")
    if "json" not in kind:
        raise Malformed(
            f"the body is {kind or 'of no type'}", hint="send JSON with content-type: application/json"
        )
    try:
        body = codec.decode_foreign(raw)
    except codec.JSONError as error:
        raise Malformed(
            f"the body is not JSON: {error}", hint="check quotes, commas and the encoding (UTF-8)"
        ) from None
    if not isinstance(body, dict):
        raise Malformed("the body is not a JSON object")
    return body


async def _bounded(request: Request) -> bytes:
    """The body, read only as far as it may be large: its length need not be told, or true."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    room = MAX_BODY
    try:
        async for chunk in request.stream():
            room -= len(chunk)
            if room < 0:
                raise _too_large()
            chunks.append(chunk)
    except ClientDisconnect:
        raise Cancelled("the caller hung up") from None
    return b"".join(chunks)


def _too_large() -> TooLarge:
    return TooLarge(f"the body is larger than {MAX_BODY} bytes", hint="upload files with POST /api/files")


def _endpoint(operation: AnyOperation, services: Callable[[], Services]) -> Endpoint:
    status = operation.http.status if operation.http else 200

    async def handle(request: Request) -> Response:
        given: dict[str, Any] = body_of(request) if request.method == "POST" else dict(request.query_params)
        given |= request.path_params
        as_csv = operation.table is not None and wants_csv(given)
        _take_headers(request, operation, given)
        at = services()
        try:
            answer = await invoke(operation, given, context(request, at), strict=request.method == "POST")
        finally:
            if operation.effect is Effect.SPEND:
                request.state.rate_headers = rate_headers(at.get(Calls).limits, request.state.principal)
        if operation.name == "query" and given.get("stream"):
            run = answer.model_dump(include={"run_id", "turn"})
            after = await at.get(Runs).before_turn(run["run_id"], run["turn"])
            return event_stream(at, request, run["run_id"], after)
        if operation.name == "session.export":
            return _download(answer)
        if as_csv:
            return csv_response(operation, answer)
        at_once = given.get("wait") is False or _unfinished(answer)
        code = 202 if at_once and operation.name in ASKING else status
        return json_response(answer, code)

    return handle


def _take_headers(request: Request, operation: AnyOperation, given: dict[str, Any]) -> None:
    """Fields that may stand in headers, as those of the model APIs do."""
    fields = operation.input.model_fields
    if request.headers.get("x-quorum-cache") == "off" and "cache" in fields:
        given["cache"] = False
    if (key := request.headers.get(HEADER)) is not None and "idempotency_key" in fields:
        given.setdefault("idempotency_key", key)


def json_response(answer: BaseModel, status: int = 200) -> Response:
    """A model as a JSON response."""
    return Response(answer.model_dump_json(), status, media_type="application/json")


def _download(answer: BaseModel) -> Response:
    export = answer.model_dump()
    headers = {
        "content-disposition": f'attachment; filename="{export["filename"]}"',
        "content-security-policy": "sandbox",
    }
    return Response(export["content"], headers=headers, media_type=export["media_type"])


def _unfinished(answer: BaseModel) -> bool:
    return getattr(answer, "status", None) in ("queued", "running")


def event_stream(services: Services, request: Request, run_id: str, after: int) -> Response:
    """The run's events as server-sent events; each carries its number as `id`, so browsers re-attach by it."""
    tenant = request.state.principal.tenant

    async def lines() -> AsyncGenerator[bytes, None]:
        yield b": follow\n\n"
        async for event in services.get(Runs).follow(run_id, tenant, after):
            yield sse(event)

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"cache-control": "no-store"})


def sse(event: Event) -> bytes:
    """One event as server-sent event."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.type.encode(), codec.encode(event))
