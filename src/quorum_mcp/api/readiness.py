"""Whether this server can take work: `/api/health/live` is about the process, `/api/health/ready` about its parts too.

Both are open to anyone, so they say nothing else, and asking often costs nothing. To a server that hands on what
belongs to a session here, `live` proves who it is.
"""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import literal, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quorum_mcp.api.mcp.peers import CHALLENGE, Peers
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.operations.context import Services
from quorum_mcp.store.database import Database

_ONE = select(literal(1))
KNOWN_SECONDS = 0.5
"""For which an answer of the database is not asked for again."""
WAIT_SECONDS = 2.0
"""For an answer of the database: one that takes longer cannot carry work."""


class Readiness:
    """The two routes."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._known: tuple[float, bool] = (0.0, False)
        self._looking = asyncio.Lock()

    def routes(self) -> list[Route]:
        """`/api/health/live` and `/api/health/ready`."""
        return [Route("/api/health/live", self._live), Route("/api/health/ready", self._ready)]

    async def _live(self, request: Request) -> Response:
        proof = self._services().get(Peers).proof(request.headers.get(CHALLENGE))
        return JSONResponse({"status": "ok"}, headers=proof)

    async def _ready(self, _: Request) -> Response:
        async with self._looking:
            until, ready = self._known
            if time.monotonic() >= until:
                ready = await self._look()
                self._known = time.monotonic() + KNOWN_SECONDS, ready
        if ready:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "unavailable"}, 503, headers={"retry-after": "1"})

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._services().get(Database).read(lambda conn: conn.execute(_ONE).scalar())
        except (StoreUnavailable, TimeoutError):
            return False
        # Until it is noticed that the database is back, nobody's money can be set aside.
        return self._services().get(Budgets).purse.away is None
