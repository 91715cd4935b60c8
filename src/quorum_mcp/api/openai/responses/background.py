"""Responses in the background: the caller gets an id at once, looks after it, and may cancel it from any server.

The stored response is the only state that servers share: whoever changes it says what it was before, so that an
answer and a cancellation that meet cannot both win.
"""

import asyncio
import time
from typing import Any

import structlog

from quorum_mcp import codec
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.responses.answer import Shape
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import QueueFull, QuorumError, ServerUnavailable, Unsupported
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored

log = structlog.get_logger()
Json = dict[str, Any]
MOST = 1000
"""Responses that one server works at in the background."""
LOOK_SECONDS = 0.5
"""How often it is looked up whether another server has cancelled one."""
GRACE_SECONDS = 5
RUNNING = ("queued", "in_progress")


class Background:
    """The responses that this server works at."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, services: Services, call: Call, shape: Shape, asked: Stored) -> Json:
        """Store a response that is under way, work at it, and return how it stands.

        Args:
            services: what makes the call and stores the answer.
            call: the call.
            shape: the response.
            asked: what is stored of the request; its output is given here.
        """
        if len(self._tasks) >= MOST:
            raise QueueFull(f"{MOST} responses are in the background already", hint="wait, or ask without")
        begun = shape.begun() | {"quorum": {"ends_by": int(time.time() + call.remaining())}}
        stored = Stored(
            id=asked.id, tenant=asked.tenant, previous=asked.previous, input=asked.input,
            output=codec.encode_text(begun),
        )  # fmt: skip
        store = services.get(Store)
        await store.put(stored)
        task = asyncio.create_task(self._work(services.get(Calls), store, call, shape, stored))
        self._tasks[stored.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(stored.id, None))
        return begun | {"status": "queued"}

    async def cancel(self, store: Store, found: Stored) -> Json:
        """Cancel a response and return it. Raises `Unsupported` where it is not under way any more."""
        output = now(found)
        if output["status"] == "cancelled":
            return output
        ended = codec.encode_text(output | {"status": "cancelled"})
        if output["status"] not in RUNNING or not await store.swap(found, ended):
            raise Unsupported(
                f"{found.id} is finished already", hint="only a response in the background can be cancelled"
            )
        if (task := self._tasks.get(found.id)) is not None:
            task.cancel()
        return codec.decode(ended)

    async def close(self) -> None:
        """Stop what is under way; it is stored as failed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, calls: Calls, store: Store, call: Call, shape: Shape, begun: Stored) -> None:
        try:
            answer = await _unless_cancelled(calls, store, call, shape, begun)
        except asyncio.CancelledError:
            answer = shape.failed(error_body(ServerUnavailable("the server stopped", hint="ask again")))
        except QuorumError as error:
            answer = shape.failed(error_body(error))
        if answer is not None:
            try:
                await store.swap(begun, codec.encode_text(answer))
            except QuorumError:
                log.exception("response.not_stored", response=begun.id)


async def _unless_cancelled(
    calls: Calls, store: Store, call: Call, shape: Shape, begun: Stored
) -> Json | None:
    """The response; None where somebody has cancelled or deleted it in the meantime."""
    work = asyncio.ensure_future(calls.run(call))
    try:
        while not (await asyncio.wait({work}, timeout=LOOK_SECONDS))[0]:
            stored = await store.get(begun.id, tenant=begun.tenant)
            if stored is None or stored.output != begun.output:
                return None
        return shape.done(await work)
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work})


def now(found: Stored) -> Json:
    """How a stored response stands: one whose server has gone is failed."""
    output: Json = codec.decode(found.output)
    if output["status"] in RUNNING and time.time() > output["quorum"]["ends_by"] + GRACE_SECONDS:
        said = {"code": "server_error", "message": "its server ended before the answer came"}
        return output | {"status": "failed", "error": said}
    return output
