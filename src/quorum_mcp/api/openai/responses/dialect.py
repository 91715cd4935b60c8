"""Responses as a dialect of the model routes: they are stored, so that the next one can go on from them."""

from collections.abc import Mapping

from quorum_mcp import codec
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.responses.answer import Shape
from quorum_mcp.api.openai.responses.background import RUNNING, Background, now
from quorum_mcp.api.openai.responses.events import Events
from quorum_mcp.api.openai.responses.inputs import items, listed, resolved
from quorum_mcp.api.openai.responses.request import read
from quorum_mcp.api.openai.responses.translate import references, translate
from quorum_mcp.calls.call import Call, Result
from quorum_mcp.errors import Conflict, NotFound, QuorumError
from quorum_mcp.messages import ModelRequest
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored


class Responses:
    """`POST /v1/responses`."""

    def __init__(self, background: Background) -> None:
        self._background = background

    vendor = "openai"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = read(body)
        shape = Shape(asked)
        events = Events(shape) if asked.stream else None
        wanted, named = references(asked), dict[str, Json]()

        def stored(principal: Principal, output: Json) -> Stored:
            given = listed(resolved(items(asked), named), shape.id)
            return Stored(
                id=shape.id,
                tenant=principal.tenant,
                previous=asked.previous_response_id,
                input=codec.encode_text(given),
                output=codec.encode_text(output),
            )

        async def before(services: Services, principal: Principal) -> ModelRequest:
            store = services.get(Store)
            chain = await store.chain(asked.previous_response_id, tenant=principal.tenant)
            for name in wanted:
                named[name] = await _find(store, name, principal.tenant)
            return translate(asked, [item for one in chain for item in _items(one)], named)

        async def after(services: Services, principal: Principal, result: Result) -> None:
            if events is not None:
                events.finish(result)
            if asked.store is not False:
                await services.get(Store).put(stored(principal, shape.done(result)))

        async def apart(services: Services, principal: Principal, call: Call) -> Json:
            return await self._background.begin(services, call, shape, stored(principal, {}))

        return Asked(
            asked.model,
            translate(asked, [], {}),
            events,
            {"shape": shape},
            before if asked.previous_response_id or wanted else None,
            after,
            apart if asked.background else None,
        )

    def whole(self, result: Result, options: Json) -> Json:
        """The whole response."""
        return options["shape"].shown(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


async def _find(store: Store, name: str, tenant: str) -> Json:
    """The item of that id; the id says in which response it stands."""
    found = await store.get(f"resp_{name.partition('_')[2].rpartition('_')[0]}", tenant=tenant)
    item = next((one for one in _items(found) if one.get("id") == name), None) if found else None
    if item is None:
        raise NotFound(f"there is no item {name}", hint="send the item itself")
    return item


def _items(one: Stored) -> list[Json]:
    """What a stored response adds to a conversation: its input and its output."""
    output = now(one)
    if output["status"] in RUNNING:
        raise Conflict(f"{one.id} is still under way", hint="wait until it is completed")
    return [*codec.decode(one.input), *output["output"]]
