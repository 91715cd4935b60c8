"""Word of changes to whoever asked for it: `subscriptions/listen` in the newer revision, `resources/subscribe` before.

What can be followed is a session: each of its calls and rounds that ends changes it. A caller follows only
sessions that it may read, because following is reading with the caller's own rights.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    EmptyResult,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from quorum_mcp.api.mcp.backend import Backend
from quorum_mcp.api.mcp.logs import session_of
from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.errors import QuorumError
from quorum_mcp.events import Event

SESSIONS = "quorum://sessions/"
WAIT_SECONDS = 300
MOST = 1_000
"""Followed at once by one process."""
CHANGES = frozenset(
    {"call.finished", "call.failed", "round.finished", "run.finished", "run.failed", "run.cancelled"}
)

Changed = Callable[[], Awaitable[None]]


class Subscriptions:
    """Those of one process. `shared` carries what everybody may hear: lists that changed."""

    def __init__(self, bind: Callable[[Caller], Backend], shared: InMemorySubscriptionBus) -> None:
        self._bind = bind
        self._shared = shared
        self._followed: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._streams = 0

    async def listen(
        self, ctx: Caller, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """A stream of changes, until the caller goes."""
        if self._streams >= MOST:
            raise MCPError(INTERNAL_ERROR, "too many clients listen already; try again later")
        bus = _CallersBus(self._shared)
        backend = self._bind(ctx)
        self._streams += 1
        following = [
            asyncio.create_task(follow(backend, uri, partial(bus.publish, ResourceUpdated(uri))))
            for uri in params.notifications.resource_subscriptions or ()
        ]
        try:
            return await ListenHandler(bus)(ctx, params)
        finally:
            self._streams -= 1
            for task in following:
                task.cancel()

    async def add(self, ctx: Caller, uri: str) -> EmptyResult:
        """Tell this session of the resource's changes until its turn has ended."""
        if len(self._followed) >= MOST:
            raise MCPError(INTERNAL_ERROR, "too many resources are followed already; try again later")
        self.remove(ctx, uri)
        changed = partial(ctx.session.send_resource_updated, uri)
        task = asyncio.create_task(follow(self._bind(ctx), uri, changed))
        at = (session_of(ctx), uri)
        self._followed[at] = task
        task.add_done_callback(lambda done: self._forget(at, done))
        return EmptyResult()

    def remove(self, ctx: Caller, uri: str) -> EmptyResult:
        """Tell it no more."""
        if (task := self._followed.pop((session_of(ctx), uri), None)) is not None:
            task.cancel()
        return EmptyResult()

    def _forget(self, at: tuple[str, str], task: "asyncio.Task[None]") -> None:
        if self._followed.get(at) is task:
            del self._followed[at]


async def follow(backend: Backend, uri: str, changed: Changed) -> None:
    """Call `changed` for every change of the session at `uri`; other addresses never change."""
    from quorum_mcp.operations.manifest import operations

    if not uri.startswith(SESSIONS):
        return
    session_id = uri.removeprefix(SESSIONS).partition("/")[0]

    async def tell(event: Event | str) -> None:
        if isinstance(event, Event) and event.type in CHANGES:
            await changed()

    given = {"session_id": session_id, "wait_seconds": WAIT_SECONDS}
    while True:
        try:
            answer = await backend(operations()["q_out"], given, tell)
        except QuorumError:
            return  # it failed or was cancelled, which was told, or it is not the caller's to read
        if answer["status"] not in ("queued", "running"):
            return


class _CallersBus:
    """One caller's changes, and those that are for everybody."""

    def __init__(self, shared: InMemorySubscriptionBus) -> None:
        self._own = InMemorySubscriptionBus()
        self._shared = shared

    async def publish(self, event: ServerEvent) -> None:
        """To this caller only."""
        await self._own.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Hear of both."""
        ends = self._own.subscribe(listener), self._shared.subscribe(listener)

        def unsubscribe() -> None:
            for end in ends:
                end()

        return unsubscribe
