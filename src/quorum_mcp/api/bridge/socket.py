"""Tools over a plain WebSocket, at `/`: one frame asks, one answers, and with `stream` the text comes before.

    {"id": 1, "method": "generate", "params": {…}, "stream": true}
    {"id": 1, "type": "llm_chunk", "content": "Two and"} …
    {"id": 1, "success": true, "result": {…}, "method": "generate"}

A tool that is under way ends with the connection that asked for it.
"""

from collections.abc import Callable
from typing import Any

import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from quorum_mcp.api.bridge.chunks import Chunks
from quorum_mcp.api.bridge.http import SURFACE
from quorum_mcp.api.bridge.reading import Given, unwrapped
from quorum_mcp.api.crowd import Crowd
from quorum_mcp.api.frames import Frame, Frames
from quorum_mcp.api.mcp.backend import local
from quorum_mcp.api.model_list import names
from quorum_mcp.errors import InvalidInput, QuorumError
from quorum_mcp.events import Event
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.context import Services
from quorum_mcp.operations.invoke import request_id
from quorum_mcp.operations.tools import tool_operation, tool_operations

KNOWN = frozenset({"id", "method", "params", "stream"})
log = structlog.get_logger()


def route(services: Callable[[], Services], crowd: Crowd) -> WebSocketRoute:
    """The route of `/`."""

    async def endpoint(socket: WebSocket) -> None:
        await Connection(socket, services()).serve(crowd)

    return WebSocketRoute("/", endpoint)


class Connection(Frames):
    """One client."""

    example = '{"method": "list_models", "params": {}}'

    async def begin(self) -> None:
        """Say what can be asked for."""
        key = self.principal.key
        models = [one.name for one in names(self.services) if key is None or key.allows(one.name)]
        await self.put({"type": "welcome", "available_tools": list(tool_operations()), "models": models})

    async def act(self, frame: Frame) -> None:
        """Call a tool."""
        asked = request_id()
        try:
            operation = tool_operation(_method(frame))
            given, chunks = _given(frame, operation), Chunks()

            async def tell(event: Event | str) -> None:
                if (chunk := chunks.of(event)) is not None:
                    await self.put(_reference(frame) | chunk)

            work = local(self.services, self.principal, asked, surface=SURFACE)
            result = await work(operation, given.params, tell if given.stream else None)
        except QuorumError as error:
            error.request_id = error.request_id or asked
            await self.refuse(error, frame)
        except Exception:
            log.exception("tool.crashed", request_id=asked)
            crashed = QuorumError("internal error", hint="the server's log has the details")
            crashed.request_id = asked
            await self.refuse(crashed, frame)
        else:
            done = {"success": True, "result": result, "method": operation.tool, "request_id": asked}
            await self.put(_reference(frame) | done)

    async def refuse(self, error: QuorumError, frame: Frame | None) -> None:
        """Tell of an error."""
        error.request_id = error.request_id or request_id()
        await self.put(_reference(frame or {}) | {"success": False, "error": error.to_dict()})


def _reference(frame: Frame) -> dict[str, Any]:
    """The `id` that the client gave, where it did."""
    return {"id": frame["id"]} if "id" in frame else {}


def _method(frame: Frame) -> str:
    method = frame.get("method")
    if not isinstance(method, str):
        raise InvalidInput("method: name a tool", hint=f"known: {', '.join(tool_operations())}")
    return method


def _given(frame: Frame, operation: AnyOperation) -> Given:
    if unknown := sorted(frame.keys() - KNOWN):
        raise InvalidInput(f"{unknown[0][:100]} is not known", hint=f"known: {', '.join(sorted(KNOWN))}")
    params = frame.get("params", {})
    if not isinstance(params, dict):
        raise InvalidInput("params: expected an object")
    return unwrapped({"params": params, "stream": frame.get("stream")}, operation)
