"""The model routes before all others: on bare ASGI, without the router that everything else goes through."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.types import ASGIApp, Receive, Scope, Send


class Path(Struct, frozen=True):
    """What took a request, for those who count them by route."""

    path: str


class Front:
    """Passes a POST to one of `routes`, by its exact path, and everything else to `rest`."""

    def __init__(self, rest: ASGIApp, routes: Mapping[str, ASGIApp]) -> None:
        self._rest = rest
        self._routes = {path: (Path(path), app) for path, app in routes.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        found = self._routes.get(scope.get("path", "").removeprefix(scope.get("root_path", "")))
        if found is None or scope.get("method") != "POST":
            await self._rest(scope, receive, send)
            return
        scope["route"], app = found
        await app(scope, receive, send)
