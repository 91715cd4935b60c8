"""Responses as a dialect of the model routes: they are stored, so that the next one can go on from them."""

from collections.abc import Mapping

from quorum_mcp import codec
from quorum_mcp.access.principal import Principal
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.responses.answer import Shape, items
from quorum_mcp.api.openai.responses.events import Events
from quorum_mcp.api.openai.responses.request import ResponseRequest, read, translate
from quorum_mcp.api.openai.responses.request import items as input_items
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import QuorumError
from quorum_mcp.messages import ModelRequest
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.store.responses import Stored


class Responses:
    """`POST /v1/responses`."""

    vendor = "openai"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = read(body)
        shape = Shape(asked)

        async def before(services: Services, principal: Principal) -> ModelRequest:
            chain = await services.get(Store).chain(asked.previous_response_id, tenant=principal.tenant)
            return translate(asked, [item for one in chain for item in _items(one)])

        async def after(services: Services, principal: Principal, result: Result) -> None:
            if asked.store is not False:
                await services.get(Store).put(_stored(asked, shape, principal, result))

        return Asked(
            asked.model,
            translate(asked, []),
            Events(shape) if asked.stream else None,
            {"shape": shape},
            before if asked.previous_response_id else None,
            after,
        )

    def whole(self, result: Result, options: Json) -> Json:
        """The whole response."""
        return options["shape"].done(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


def _items(one: Stored) -> list[Json]:
    """What a stored response adds to a conversation: its input and its output."""
    return [*codec.decode(one.input), *codec.decode(one.output)["output"]]


def _stored(asked: ResponseRequest, shape: Shape, principal: Principal, result: Result) -> Stored:
    output = shape.done(result, items(result.answer))
    return Stored(
        id=shape.id,
        tenant=principal.tenant,
        previous=asked.previous_response_id,
        input=codec.encode_text(input_items(asked)),
        output=codec.encode_text(output),
    )
