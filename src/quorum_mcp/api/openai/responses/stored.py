"""Stored responses: read, listed by their input, deleted."""

from collections.abc import Callable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from quorum_mcp import codec
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.responses.background import Background, now
from quorum_mcp.api.openai.responses.inputs import listed
from quorum_mcp.api.openai.responses.output import shown
from quorum_mcp.api.openai.responses.request import SEALED
from quorum_mcp.errors import InvalidInput, NotFound, QuorumError, Unsupported
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored

ASK = frozenset({"ask"})
PAGE = 20
MOST = 100
Json = dict[str, Any]


class StoredResponse:
    """`GET` and `DELETE /v1/responses/{id}`, `GET …/input_items`, `POST …/cancel`."""

    def __init__(self, services: Callable[[], Services], background: Background) -> None:
        self._services = services
        self._background = background

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.principal.require(ASK)
            query = QueryParams(scope["query_string"])
            await exchange.json(await self._answer(scope["method"], exchange, query), {})
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            await exchange.refuse(error, error_body(error))

    async def _answer(self, method: str, exchange: Exchange, query: QueryParams) -> Json:
        store, tenant = self._services().get(Store), exchange.principal.tenant
        name = exchange.path["id"]
        if method == "DELETE":
            if not await store.delete(name, tenant=tenant):
                raise _unknown(name)
            return {"id": name, "object": "response", "deleted": True}
        found = await store.get(name, tenant=tenant)
        if found is None:
            raise _unknown(name)
        if method == "POST":
            return await self._background.cancel(store, found)
        sealed = _sealed(query)
        if exchange.path_ends("/input_items"):
            return _page(shown(_input(found), sealed=sealed), query)
        if query.get("stream") == "true":
            raise Unsupported("stream is not supported for a stored response", hint="leave stream out")
        output = now(found)
        return output | {"output": shown(output["output"], sealed=sealed)}


def _input(found: Stored) -> list[Json]:
    return listed(codec.decode(found.input), found.id)


def _sealed(query: QueryParams) -> bool:
    """Whether the caller wants to see the seals of reasoning; nothing else can be included."""
    wanted = {*query.getlist("include"), *query.getlist("include[]")}
    if unknown := sorted(wanted - {SEALED}):
        raise Unsupported(f"include={unknown[0]!r} is not supported", hint=f"{SEALED} is")
    return SEALED in wanted


def _page(rows: list[Json], query: QueryParams) -> Json:
    """The newest first, unless asked otherwise; `after` is the id of the last item that the caller has."""
    order, limit, after = query.get("order", "desc"), query.get("limit", str(PAGE)), query.get("after")
    if order not in ("asc", "desc"):
        raise InvalidInput(f"order: {order!r} is not known", hint="asc or desc")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MOST):
        raise InvalidInput(f"limit: {limit[:40]!r} is no number of items", hint=f"1 to {MOST}")
    if order == "desc":
        rows = rows[::-1]
    if after is not None:
        place = next((n for n, row in enumerate(rows) if row["id"] == after), None)
        if place is None:
            raise NotFound(f"there is no item {after[:80]}", hint="after is the id of an item of this list")
        rows = rows[place + 1 :]
    page = rows[: int(limit)]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": page, "has_more": len(page) < len(rows), **ends}


def _unknown(name: str) -> NotFound:
    return NotFound(
        f"there is no response {name}", hint="it may have been sent with store: false, or deleted"
    )
