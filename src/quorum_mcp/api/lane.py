"""The short way to the model routes: what is done before and after every request, in one step, without wrappers.

It asks and counts the same as `Guard` and `Counted` do for all other paths.
"""

import time
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from quorum_mcp.api.cycle import SHORT_WAY
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.guard import Guard
from quorum_mcp.api.model_route import ModelRoute
from quorum_mcp.errors import QuorumError
from quorum_mcp.observe.instruments import Cells, Count
from quorum_mcp.observe.metrics import Metrics

UNANSWERED = 499
"""The status that counts where nothing was answered: the caller had gone."""


class Lanes:
    """Answers a POST to one of `routes`, by its exact path, and passes everything else to `rest`."""

    def __init__(
        self,
        rest: ASGIApp,
        routes: Mapping[str, ModelRoute],
        guard: Guard,
        metrics: Callable[[], Metrics | None],
    ) -> None:
        self._rest = rest
        self._routes = dict(routes)
        self._guard = guard
        self._metrics = metrics
        self._counts: dict[tuple[str, int], tuple[Count, Cells]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        # Taken out, since the cycle has the scope: nothing but the garbage collector would get rid of the two.
        cycle = scope.get("extensions", {}).pop(SHORT_WAY, None)
        route = self._routes.get(scope.get("path", ""))
        if route is None or scope.get("method") != "POST" or scope.get("root_path"):
            await self._rest(scope, receive, send)
            return
        began, path = time.monotonic(), scope["path"]
        exchange = Exchange(scope, receive, send, cycle)
        try:
            try:
                await self._guard.admit(exchange)
            except QuorumError as error:
                await route.refuse(error, exchange)
            else:
                await route.answer(exchange)
        finally:
            counted = self._counts.get((path, exchange.status)) or self._count(path, exchange.status)
            if counted is not None:
                requests, lasted = counted
                requests.value += 1
                lasted.observe(time.monotonic() - began)

    def _count(self, path: str, status: int) -> tuple[Count, Cells] | None:
        """The counts of a route's answers of that status; None before there are metrics."""
        metrics = self._metrics()
        if metrics is None:
            return None
        count = metrics.http.of((path, "POST", str(status or UNANSWERED)))
        found = self._counts[path, status] = count, metrics.http_seconds.of((path,))
        return found
