"""Stored responses: read, listed by their input, deleted."""

from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from quorum_mcp import codec
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.errors import NotFound, QuorumError
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store

ASK = frozenset({"ask"})


class StoredResponse:
    """`GET` and `DELETE /v1/responses/{id}`, `GET /v1/responses/{id}/input_items`."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.principal.require(ASK)
            await exchange.json(await self._answer(scope["method"], exchange), {})
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            await exchange.refuse(error, error_body(error))

    async def _answer(self, method: str, exchange: Exchange) -> dict[str, Any]:
        store, tenant = self._services().get(Store), exchange.principal.tenant
        name = exchange.path["id"]
        if method == "DELETE":
            if not await store.delete(name, tenant=tenant):
                raise _unknown(name)
            return {"id": name, "object": "response", "deleted": True}
        found = await store.get(name, tenant=tenant)
        if found is None:
            raise _unknown(name)
        if not exchange.path_ends("/input_items"):
            return codec.decode(found.output)
        rows = [{"id": f"{name}_{n}", **item} for n, item in enumerate(codec.decode(found.input))]
        ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
        return {"object": "list", "data": rows, "has_more": False, **ends}


def _unknown(name: str) -> NotFound:
    return NotFound(
        f"there is no response {name}", hint="it may have been sent with store: false, or deleted"
    )
