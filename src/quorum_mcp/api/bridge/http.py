"""Tools over plain HTTP: `POST /mcp/TOOL`, `POST /tools/TOOL`, and every operation below `/v1/orchestrate`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from quorum_mcp import codec
from quorum_mcp.api.bridge.chunks import CHUNK, Chunks
from quorum_mcp.api.bridge.modules import module_operation
from quorum_mcp.api.bridge.outcome import PATHS, failure, success
from quorum_mcp.api.bridge.reading import given_by
from quorum_mcp.api.mcp.backend import local
from quorum_mcp.api.mcp.schemas import input_schema
from quorum_mcp.api.rate_headers import rate_headers
from quorum_mcp.api.rest import guarded
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import QuorumError, Unsupported
from quorum_mcp.events import Event
from quorum_mcp.operations.card import AnyOperation, Effect, Empty
from quorum_mcp.operations.context import Context, Services
from quorum_mcp.operations.invoke import invoke
from quorum_mcp.operations.manifest import operations
from quorum_mcp.operations.tools import tool_operation, tool_operations

SURFACE = "bridge"
WAITING = 64
"""Pieces of text that may wait for a slow reader; then the work waits for it."""


class Bridge:
    """The routes; `services` is asked at each request, because it is there only once running."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Calls, and the two lists that older clients ask for first."""
        tool, module = guarded(self._tool), guarded(self._module)
        methods = ["GET", "POST"]
        return [
            Route("/tools", guarded(self._tools), methods=["GET"]),
            Route("/health", guarded(self._health), methods=["GET"]),
            *(Route(beginning + "{tool}", tool, methods=methods) for beginning in PATHS[:2]),
            Route(PATHS[2] + "{operation:path}", module, methods=methods),
        ]

    async def _tool(self, request: Request) -> Response:
        name: str = request.path_params["tool"]
        return await self._carry_out(request, tool_operation(name), name)

    async def _module(self, request: Request) -> Response:
        path: str = request.path_params["operation"]
        return await self._carry_out(request, module_operation(path), path)

    async def _carry_out(self, request: Request, operation: AnyOperation, name: str) -> Response:
        if request.method == "GET" and not takes_get(operation):
            raise Unsupported(
                f"{name} changes something, costs something or needs parameters: GET does not do that",
                hint="use POST",
            )
        given = given_by(request, operation)
        at, state = self._services(), request.state
        work = local(at, state.principal, state.request_id, surface=SURFACE)
        if given.stream:
            exchange = Streamed(name, state.request_id)
            return await exchange.response(work(operation, given.params, exchange.tell))
        try:
            result = await work(operation, given.params, None)
        finally:
            if operation.effect is Effect.SPEND:
                state.rate_headers = rate_headers(at.get(Calls).limits, state.principal)
        return _json(success(result, name, state.request_id))

    async def _tools(self, _: Request) -> Response:
        return _json({"tools": [described(name, one) for name, one in tool_operations().items()]})

    async def _health(self, request: Request) -> Response:
        state = request.state
        context = Context(state.principal, self._services(), surface=SURFACE, request_id=state.request_id)
        found = await invoke(operations()["health"], Empty(), context)
        return _json(found.model_dump(mode="json"))


class Streamed:
    """One call whose text is sent as it comes, as server-sent events, the outcome last.

    The head goes out with the first piece: a call that fails before has its status.
    """

    def __init__(self, name: str, request_id: str) -> None:
        self._name = name
        self._request_id = request_id
        self._chunks = Chunks()
        self._pieces: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING)

    async def tell(self, event: Event | str) -> None:
        """Take what happens meanwhile."""
        if (chunk := self._chunks.of(event)) is not None:
            await self._pieces.put(chunk)

    async def response(self, work: Any) -> Response:
        """The answer; `work` is stopped where its reader goes."""
        task: asyncio.Task[dict[str, Any]] = asyncio.ensure_future(work)
        first = asyncio.ensure_future(self._pieces.get())
        try:
            await asyncio.wait({task, first}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not first.done():
                task.result()  # raises what it failed with
        except BaseException:
            await _stop(task)
            raise
        finally:
            if not first.done():
                first.cancel()
        begun = first.result() if first.done() and not first.cancelled() else None
        headers = {"cache-control": "no-store"}
        return StreamingResponse(self._events(task, begun), media_type="text/event-stream", headers=headers)

    async def _events(
        self, task: "asyncio.Task[dict[str, Any]]", begun: dict[str, Any] | None
    ) -> AsyncGenerator[bytes, None]:
        try:
            if begun is not None:
                yield _sse(CHUNK, begun)
            while not (task.done() and self._pieces.empty()):
                piece = asyncio.ensure_future(self._pieces.get())
                await asyncio.wait({task, piece}, return_when=asyncio.FIRST_COMPLETED)
                if piece.done():
                    yield _sse(CHUNK, piece.result())
                else:
                    piece.cancel()
                    with suppress(asyncio.CancelledError):
                        await piece
            try:
                outcome = success(task.result(), self._name, self._request_id)
            except QuorumError as error:
                error.request_id = error.request_id or self._request_id
                outcome = failure(error, self._name)
            yield _sse("result" if outcome["success"] else "error", outcome)
        finally:
            await _stop(task)


def takes_get(operation: AnyOperation) -> bool:
    """Whether it only reads, and can do so without parameters."""
    needed = any(field.is_required() for field in operation.input.model_fields.values())
    return operation.effect is Effect.READ and not needed


def described(name: str, operation: AnyOperation) -> dict[str, Any]:
    """A tool as `GET /tools` lists it."""
    return {
        "name": name,
        "title": operation.title or name,
        "description": operation.summary,
        "effect": operation.effect.value,
        "input_schema": input_schema(operation.input),
    }


async def _stop(task: "asyncio.Task[Any]") -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def _json(value: dict[str, Any]) -> Response:
    return Response(codec.encode(value), media_type="application/json")


def _sse(kind: str, value: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), codec.encode(value))
