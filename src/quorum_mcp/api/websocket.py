"""WebSocket at `/ws`: runs asked for, followed and cancelled over one connection, in the one envelope.

A client sends `{"action": "subscribe" | "query" | "cancel" | "ping", …}`; an `id` in it comes back in the
answer's `data`. Besides the events of runs the server sends `accepted`, `pong` and `error` in the envelope, and
`stats` every few seconds while the client has asked for nothing, or for everything, and alerts as they come
(`budget.alert`, `provider.status`).

A run belongs to the server: closing the connection stops nothing. What waits to be sent is bounded: a slow reader
slows its own followers down, who then find deltas joined, and one that takes nothing for long is let go.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from quorum_mcp import codec
from quorum_mcp.access.ops.common import is_operator
from quorum_mcp.access.principal import Principal
from quorum_mcp.errors import Forbidden, InvalidInput, Malformed, QuorumError, StoreUnavailable
from quorum_mcp.events import now, stamp
from quorum_mcp.notify.notifier import Notifier
from quorum_mcp.operations.card import Empty
from quorum_mcp.operations.context import Context, Services
from quorum_mcp.operations.invoke import invoke, request_id, validate
from quorum_mcp.operations.manifest import operations
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.run_list import RunFilter, RunList

STATS_SECONDS = 5.0
LOOK_SECONDS = 0.5  # between two looks for new runs, of a client that follows everything
WAITING = 256  # frames that may wait for a slow reader
PATIENCE = 30.0  # seconds that one frame may take to be sent
MOST_TASKS = 64  # runs followed and actions under way of one connection
TRY_LATER = 1013
READ = frozenset({"read"})


class Subscribe(BaseModel):
    """Which run to follow, from which event on; without one, every open run of the caller."""

    model_config = ConfigDict(extra="forbid")
    run_id: str | None = None
    after: int = Field(0, ge=0)


class Cancel(BaseModel):
    """The run to stop."""

    model_config = ConfigDict(extra="forbid")
    run_id: str


class Slow(Exception):
    """The reader takes nothing."""


def route(services: Callable[[], Services], *, stats_seconds: float = STATS_SECONDS) -> WebSocketRoute:
    """The route of `/ws`."""

    async def endpoint(socket: WebSocket) -> None:
        await Connection(socket, services(), stats_seconds).serve()

    return WebSocketRoute("/ws", endpoint)


class Connection:
    """One client."""

    def __init__(self, socket: WebSocket, services: Services, stats_seconds: float) -> None:
        self._socket = socket
        self._services = services
        self._stats_seconds = stats_seconds
        self._principal: Principal = socket.state.principal
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._wants_stats = True
        self._actions = {
            "subscribe": self._subscribe,
            "query": self._query,
            "cancel": self._cancel,
            "ping": self._ping,
        }

    async def serve(self) -> None:
        """Take frames and send what happens, until the client goes or takes nothing any more."""
        await self._socket.accept()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._spawn(self._sending())
                self._spawn(self._telling_stats())
                self._spawn(self._telling_alerts())
                await self._taking()
                for task in self._tasks:
                    task.cancel()
        except* Slow:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._socket.close(TRY_LATER, "too slow")
        except* WebSocketDisconnect:
            pass

    async def _taking(self) -> None:
        while (message := await self._socket.receive())["type"] != "websocket.disconnect":
            raw = message.get("text") or message.get("bytes") or b""
            try:
                frame = _frame_of(raw)
            except QuorumError as error:
                await self._refuse(error, None)
                continue
            if len(self._tasks) > MOST_TASKS:
                busy = InvalidInput(
                    f"more than {MOST_TASKS} things at once", hint="open another connection, or ask later"
                )
                await self._refuse(busy, frame.get("id"))
                continue
            self._spawn(self._act(frame))

    async def _act(self, frame: dict[str, Any]) -> None:
        name, reference = frame.pop("action", None), frame.pop("id", None)
        try:
            action = self._actions.get(name) if isinstance(name, str) else None
            if action is None:
                known = ", ".join(self._actions)
                raise InvalidInput(f"there is no action {name!r}", hint=f"known: {known}")
            await action(frame, reference)
        except QuorumError as error:
            await self._refuse(error, reference, str(frame.get("run_id") or ""))

    async def _ping(self, _: dict[str, Any], reference: object) -> None:
        await self._tell("pong", {"id": reference})

    async def _subscribe(self, frame: dict[str, Any], reference: object) -> None:
        given = validate(Subscribe, frame)
        self._principal.require(READ)
        if given.run_id is None:
            if given.after:
                raise InvalidInput("after: it counts the events of one run", hint="name the run_id")
            self._wants_stats = True
            await self._accept("subscribe", reference)
            if "" not in self._followed:
                self._followed[""] = self._spawn(self._following_all())
            return
        await self._services.get(Runs).get(given.run_id, self._principal.tenant)
        self._wants_stats = "" in self._followed
        await self._accept("subscribe", reference, given.run_id)
        self._follow(given.run_id, given.after)

    async def _query(self, frame: dict[str, Any], reference: object) -> None:
        self._wants_stats = "" in self._followed
        frame.pop("stream", None)
        answer = await invoke(operations()["query"], frame | {"wait": False}, self._context())
        run = answer.model_dump(include={"run_id", "turn"})
        await self._accept("query", reference, run["run_id"])
        self._follow(run["run_id"], await self._services.get(Runs).before_turn(run["run_id"], run["turn"]))

    async def _cancel(self, frame: dict[str, Any], reference: object) -> None:
        run_id = validate(Cancel, frame).run_id
        state = await invoke(operations()["session.cancel"], {"session_id": run_id}, self._context())
        await self._accept("cancel", reference, run_id, status=state.model_dump()["status"])

    def _follow(self, run_id: str, after: int) -> None:
        if earlier := self._followed.pop(run_id, None):
            earlier.cancel()
        self._followed[run_id] = self._spawn(self._following(run_id, after))

    async def _following(self, run_id: str, after: int) -> None:
        try:
            async for event in self._services.get(Runs).follow(run_id, self._principal.tenant, after):
                await self._waiting.put(codec.encode_text(event))
        except QuorumError as error:
            await self._refuse(error, None, run_id)
        if self._followed.get(run_id) is asyncio.current_task():
            del self._followed[run_id]

    async def _following_all(self) -> None:
        """Follow the caller's open runs, and those that are started later, here or by another server."""
        runs = self._services.get(Runs)
        seen: dict[str, int] = {}
        while True:
            with suppress(StoreUnavailable):  # then the next time
                turns = await self._open_runs()
                for run_id, turn in turns.items():
                    if run_id not in self._followed and seen.get(run_id) != turn:
                        self._follow(run_id, await runs.before_turn(run_id, turn) if run_id in seen else 0)
                seen = {run_id: seen.get(run_id, 0) for run_id in self._followed} | turns
            await asyncio.sleep(LOOK_SECONDS)

    async def _open_runs(self) -> dict[str, int]:
        """The turns that the caller's open runs are at."""
        where = RunFilter(tenant=self._principal.tenant, status="running")
        return {run.id: run.turn for run in (await self._services.get(RunList).page(where)).items}

    async def _telling_stats(self) -> None:
        while True:
            if self._wants_stats and not self._waiting.full():
                with suppress(StoreUnavailable, Forbidden):  # no news then, and the next time maybe
                    stats = await invoke(operations()["stats"], Empty(), self._context())
                    await self._tell("stats", stats.model_dump(mode="json"))
            await asyncio.sleep(self._stats_seconds)

    async def _telling_alerts(self) -> None:
        tenant = None if is_operator(self._principal) else self._principal.tenant
        async with aclosing(self._services.get(Notifier).feed.follow(tenant)) as alerts:
            async for alert in alerts:
                if self._wants_stats and self._principal.scopes >= READ:
                    await self._tell(alert.event, alert.told() | {"at": stamp(alert.at / MICROSECONDS)})

    async def _sending(self) -> None:
        while True:
            frame = await self._waiting.get()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._socket.send_text(frame)
            except TimeoutError:
                raise Slow from None

    async def _tell(self, kind: str, data: dict[str, Any], run_id: str = "") -> None:
        frame = {"v": 1, "run_id": run_id, "seq": 0, "ts": now(), "type": kind, "data": data}
        await self._waiting.put(codec.encode_text(frame))

    async def _accept(self, action: str, reference: object, run_id: str = "", **more: object) -> None:
        await self._tell("accepted", {"action": action, "id": reference, **more}, run_id)

    async def _refuse(self, error: QuorumError, reference: object, run_id: str = "") -> None:
        error.request_id = error.request_id or request_id()
        await self._tell("error", {"id": reference, "error": error.to_dict()}, run_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _context(self) -> Context:
        return Context(self._principal, self._services, surface="websocket", request_id=request_id())


def _frame_of(raw: str | bytes) -> dict[str, Any]:
    try:
        frame = codec.decode(raw)
    except (codec.JSONError, RecursionError) as error:
        raise Malformed(f"the frame is not JSON: {error}", hint='send {"action": "ping"}, say') from None
    if not isinstance(frame, dict):
        raise Malformed("the frame is not a JSON object", hint='send {"action": "ping"}, say')
    return frame
