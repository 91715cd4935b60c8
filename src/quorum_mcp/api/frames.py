"""One WebSocket: frames of JSON taken and sent, both bounded.

What waits to be sent is bounded: a slow reader slows down whoever writes to it, and one that takes nothing for long is
let go. What is done at once is bounded: further frames are refused, and while refusals wait for a slow reader nothing
more is read.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from quorum_mcp import codec
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.crowd import Crowd
from quorum_mcp.api.failures import error_response
from quorum_mcp.errors import InvalidInput, Malformed, QuorumError, RateLimited
from quorum_mcp.operations.context import Services

WAITING = 256  # frames that may wait for a slow reader
PATIENCE = 30.0  # seconds that one frame may take to be sent
MOST_TASKS = 64  # things that one connection does at once
MOST_MALFORMED = 64  # frames in a row, after which nobody is trying to say anything
TRY_LATER = 1013
POLICY = 1008
Frame = dict[str, Any]


class Ended(Exception):
    """We end the connection: the code of the close frame, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Frames(ABC):
    """One client. Subclasses say what runs beside (`begin`), what a frame does (`act`), how one is refused (`refuse`)."""

    example = "{}"
    """A frame that works, for whoever sent one that is none."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        self.services = services
        self.principal: Principal = socket.state.principal
        self._socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def begin(self) -> None:
        """The connection is open: start what runs beside it."""

    @abstractmethod
    async def act(self, frame: Frame) -> None:
        """Do what a frame asks for."""

    @abstractmethod
    async def refuse(self, error: QuorumError, frame: Frame | None) -> None:
        """Tell that a frame (None: it was none) cannot be done."""

    async def serve(self, crowd: Crowd) -> None:
        """Take frames until the client goes or takes nothing any more; what it asked for ends with it."""
        try:
            with crowd.place(self.principal.id):
                await self._socket.accept()
                await self._serve()
        except RateLimited as error:
            error.request_id = self._socket.state.request_id
            await self._socket.send_denial_response(error_response(error))

    async def put(self, frame: Any) -> None:
        """Send a frame, once the reader has room for it."""
        await self._waiting.put(codec.encode_text(frame))

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do something for as long as the connection is open."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def has_room(self) -> bool:
        """Whether the reader keeps up."""
        return not self._waiting.full()

    async def _serve(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.spawn(self._sending())
                await self.begin()
                await self._taking()
                for task in self._tasks:
                    task.cancel()
        except* Ended as ended:
            (first, *_) = ended.exceptions
            assert isinstance(first, Ended)
            with suppress(TimeoutError, WebSocketDisconnect, WebSocketDisconnected):  # or the caller has gone
                async with asyncio.timeout(1.0):
                    await self._socket.close(first.code, first.reason)
        except* WebSocketDisconnect:
            pass

    async def _taking(self) -> None:
        malformed = 0
        while (message := await self._socket.receive())["type"] != "websocket.disconnect":
            try:
                frame = _frame_of(message.get("text") or message.get("bytes") or b"", self.example)
            except Malformed as error:
                malformed += 1
                if malformed >= MOST_MALFORMED:
                    raise Ended(POLICY, f"{malformed} frames in a row that are no JSON objects") from None
                await self.refuse(error, None)
                continue
            malformed = 0
            if len(self._tasks) > MOST_TASKS:
                busy = InvalidInput(
                    f"more than {MOST_TASKS} things at once", hint="open another connection, or ask later"
                )
                await self.refuse(busy, frame)
                continue
            self.spawn(self.act(frame))

    async def _sending(self) -> None:
        while True:
            frame = await self._waiting.get()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._socket.send_text(frame)
            except TimeoutError:
                raise Ended(TRY_LATER, "too slow") from None


def _frame_of(raw: str | bytes, example: str) -> Frame:
    try:
        frame = codec.decode_foreign(raw.encode() if isinstance(raw, str) else raw)
    except codec.JSONError as error:
        raise Malformed(f"the frame is not JSON: {error}", hint=f"send {example}, say") from None
    if not isinstance(frame, dict):
        raise Malformed("the frame is not a JSON object", hint=f"send {example}, say")
    return frame
