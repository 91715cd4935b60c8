"""Responses as a dialect of the model routes: they are stored, so that the next one can go on from them."""

from collections.abc import Mapping

from quorum_mcp import codec
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.dialect import OpenAIDialect
from quorum_mcp.api.openai.responses.answer import Shape
from quorum_mcp.api.openai.responses.background import Background
from quorum_mcp.api.openai.responses.earlier import Earlier
from quorum_mcp.api.openai.responses.events import Events
from quorum_mcp.api.openai.responses.inputs import items, listed, resolved
from quorum_mcp.api.openai.responses.request import read
from quorum_mcp.api.openai.responses.translate import translate
from quorum_mcp.calls.call import Call, Result
from quorum_mcp.messages import ModelRequest
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored


class Responses(OpenAIDialect):
    """`POST /v1/responses`."""

    def __init__(self, background: Background) -> None:
        self._background = background

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = read(body)
        shape = Shape(asked)
        events = Events(shape) if asked.stream else None
        earlier = Earlier(asked)

        def stored(principal: Principal, output: Json) -> Stored:
            given = listed(resolved(items(asked), earlier.named), shape.id)
            return Stored(
                id=shape.id,
                tenant=principal.tenant,
                previous=asked.previous_response_id,
                input=codec.encode_text(given),
                output=codec.encode_text(output),
            )

        async def before(services: Services, principal: Principal) -> ModelRequest:
            await earlier.look_up(services.get(Store), principal.tenant)
            return translate(asked, earlier.items, earlier.named)

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
            before if earlier else None,
            after,
            apart if asked.background else None,
        )

    def whole(self, result: Result, options: Json) -> Json:
        """The whole response."""
        return options["shape"].shown(result)
