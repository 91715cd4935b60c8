"""`GET /v1/models`: every model that a request may name."""

from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import ModelNotFound, QuorumError
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.registry import Registry

READ = frozenset({"ask"})


class Models:
    """The endpoint, for the list and (with a name in the path) for one model."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.principal.require(READ)
            wanted: str | None = scope["path_params"].get("name")
            key = exchange.principal.key
            rows = [row for row in self._rows() if key is None or key.allows(row["id"])]
            if wanted is None:
                await exchange.json({"object": "list", "data": rows}, {})
                return
            found = next((row for row in rows if row["id"] == wanted), None)
            if found is None:
                raise ModelNotFound(f"no model is called {wanted!r}", hint="GET /v1/models lists them")
            await exchange.json(found, {})
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            await exchange.refuse(error, error_body(error))

    def _rows(self) -> list[dict[str, Any]]:
        services = self._services()
        registry, rows = services.get(Registry), list[dict[str, Any]]()
        for provider in registry.describe():
            if provider.configured:
                names = registry.known(provider.name) or ((provider.model,) if provider.model else ())
                rows += [_row(f"{provider.name}/{name}", provider.name) for name in names]
        rows += [_row(alias, given.provider) for alias, given in registry.settings.models.items()]
        virtual = services.get(Calls).virtual
        rows += [_row(name, "quorum") for name in (virtual.names() if virtual is not None else ())]
        return rows


def _row(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
