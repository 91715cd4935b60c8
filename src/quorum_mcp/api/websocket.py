"""WebSocket at `/ws`: runs asked for, followed and cancelled over one connection, in the one envelope.

A client sends `{"action": "subscribe" | "query" | "cancel" | "ping", …}`; an `id` in it comes back in the
answer's `data`. Besides the events of runs the server sends `accepted`, `pong` and `error` in the envelope, and
`stats` every few seconds while the client has asked for nothing, or for everything, and alerts as they come
(`budget.alert`, `provider.status`).

A run belongs to the server: closing the connection stops nothing. A slow reader slows its own followers down, who then
find deltas joined.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from quorum_mcp.access.ops.common import is_operator
from quorum_mcp.api.crowd import Crowd
from quorum_mcp.api.frames import Frame, Frames
from quorum_mcp.errors import Forbidden, InvalidInput, QuorumError, StoreUnavailable
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
MOST_SEEN = 10_000  # runs of which such a client is known to have seen the beginning
LOOK_SECONDS = 0.5  # between two looks for new runs, of a client that follows everything
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


def route(
    services: Callable[[], Services], crowd: Crowd, *, stats_seconds: float = STATS_SECONDS
) -> WebSocketRoute:
    """The route of `/ws`."""

    async def endpoint(socket: WebSocket) -> None:
        await Connection(socket, services(), stats_seconds).serve(crowd)

    return WebSocketRoute("/ws", endpoint)


class Connection(Frames):
    """One client."""

    example = '{"action": "ping"}'

    def __init__(self, socket: WebSocket, services: Services, stats_seconds: float) -> None:
        super().__init__(socket, services)
        self._stats_seconds = stats_seconds
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._wants_stats = True
        self._actions = {
            "subscribe": self._subscribe,
            "query": self._query,
            "cancel": self._cancel,
            "ping": self._ping,
        }

    async def begin(self) -> None:
        """Tell of the server's state, and of alerts."""
        self.spawn(self._telling_stats())
        self.spawn(self._telling_alerts())

    async def act(self, frame: Frame) -> None:
        """Carry out an action."""
        name, reference = frame.pop("action", None), frame.pop("id", None)
        try:
            action = self._actions.get(name) if isinstance(name, str) else None
            if action is None:
                known = ", ".join(self._actions)
                raise InvalidInput(f"there is no action {name!r}", hint=f"known: {known}")
            await action(frame, reference)
        except QuorumError as error:
            await self._refuse(error, reference, str(frame.get("run_id") or ""))

    async def refuse(self, error: QuorumError, frame: Frame | None) -> None:
        """Tell of an error in the envelope."""
        await self._refuse(error, None if frame is None else frame.get("id"))

    async def _ping(self, _: dict[str, Any], reference: object) -> None:
        await self._tell("pong", {"id": reference})

    async def _subscribe(self, frame: dict[str, Any], reference: object) -> None:
        given = validate(Subscribe, frame)
        self.principal.require(READ)
        if given.run_id is None:
            if given.after:
                raise InvalidInput("after: it counts the events of one run", hint="name the run_id")
            self._wants_stats = True
            await self._accept("subscribe", reference)
            if "" not in self._followed:
                self._followed[""] = self.spawn(self._following_all())
            return
        await self.services.get(Runs).get(given.run_id, self.principal.tenant)
        self._wants_stats = "" in self._followed
        await self._accept("subscribe", reference, given.run_id)
        self._follow(given.run_id, given.after)

    async def _query(self, frame: dict[str, Any], reference: object) -> None:
        self._wants_stats = "" in self._followed
        frame.pop("stream", None)
        answer = await invoke(operations()["query"], frame | {"wait": False}, self._context())
        run = answer.model_dump(include={"run_id", "turn"})
        await self._accept("query", reference, run["run_id"])
        self._follow(run["run_id"], await self.services.get(Runs).before_turn(run["run_id"], run["turn"]))

    async def _cancel(self, frame: dict[str, Any], reference: object) -> None:
        run_id = validate(Cancel, frame).run_id
        state = await invoke(operations()["session.cancel"], {"session_id": run_id}, self._context())
        await self._accept("cancel", reference, run_id, status=state.model_dump()["status"])

    def _follow(self, run_id: str, after: int) -> None:
        if earlier := self._followed.pop(run_id, None):
            earlier.cancel()
        self._followed[run_id] = self.spawn(self._following(run_id, after))

    async def _following(self, run_id: str, after: int) -> None:
        try:
            async for event in self.services.get(Runs).follow(run_id, self.principal.tenant, after):
                await self.put(event)
        except QuorumError as error:
            await self._refuse(error, None, run_id)
        if self._followed.get(run_id) is asyncio.current_task():
            del self._followed[run_id]

    async def _following_all(self) -> None:
        """Follow the caller's open runs, and those that are started later, here or by another server."""
        runs = self.services.get(Runs)
        # Also those that have ended: a question more does not tell of the ones before again.
        seen: dict[str, int] = {}
        while True:
            with suppress(StoreUnavailable):  # then the next time
                turns = await self._open_runs()
                for run_id, turn in turns.items():
                    if run_id not in self._followed and seen.get(run_id) != turn:
                        self._follow(run_id, await runs.before_turn(run_id, turn) if run_id in seen else 0)
                seen |= {run_id: seen.get(run_id, 0) for run_id in self._followed} | turns
                for run_id in list(seen)[: max(0, len(seen) - MOST_SEEN)]:
                    del seen[run_id]
            await asyncio.sleep(LOOK_SECONDS)

    async def _open_runs(self) -> dict[str, int]:
        """The turns that the caller's open runs are at."""
        where = RunFilter(tenant=self.principal.tenant, status="running")
        return {run.id: run.turn for run in (await self.services.get(RunList).page(where)).items}

    async def _telling_stats(self) -> None:
        while True:
            if self._wants_stats and self.has_room:
                with suppress(StoreUnavailable, Forbidden):  # no news then, and the next time maybe
                    stats = await invoke(operations()["stats"], Empty(), self._context())
                    await self._tell("stats", stats.model_dump(mode="json"))
            await asyncio.sleep(self._stats_seconds)

    async def _telling_alerts(self) -> None:
        tenant = None if is_operator(self.principal) else self.principal.tenant
        async with aclosing(self.services.get(Notifier).feed.follow(tenant)) as alerts:
            async for alert in alerts:
                if self._wants_stats and self.principal.scopes >= READ:
                    await self._tell(alert.event, alert.told() | {"at": stamp(alert.at / MICROSECONDS)})

    async def _tell(self, kind: str, data: dict[str, Any], run_id: str = "") -> None:
        frame = {"v": 1, "run_id": run_id, "seq": 0, "ts": now(), "type": kind, "data": data}
        await self.put(frame)

    async def _accept(self, action: str, reference: object, run_id: str = "", **more: object) -> None:
        await self._tell("accepted", {"action": action, "id": reference, **more}, run_id)

    async def _refuse(self, error: QuorumError, reference: object, run_id: str = "") -> None:
        error.request_id = error.request_id or request_id()
        await self._tell("error", {"id": reference, "error": error.to_dict()}, run_id)

    def _context(self) -> Context:
        return Context(self.principal, self.services, surface="websocket", request_id=request_id())
