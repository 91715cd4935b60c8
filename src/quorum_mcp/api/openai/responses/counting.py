"""Counts of tokens as a dialect of the model routes: what a response's input would be billed for."""

from collections.abc import Mapping

from msgspec import structs

from quorum_mcp.access.principal import Principal
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect
from quorum_mcp.api.openai.responses.earlier import Earlier
from quorum_mcp.api.openai.responses.request import read
from quorum_mcp.api.openai.responses.translate import translate
from quorum_mcp.calls.call import Result
from quorum_mcp.calls.counting import counted
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import ModelRequest
from quorum_mcp.operations.context import Services
from quorum_mcp.store.responses import Responses as Store
from quorum_mcp.tasks import CountTokens

TAKEN = frozenset({
    "input", "instructions", "model", "parallel_tool_calls", "previous_response_id", "reasoning", "text",
    "tool_choice", "tools", "truncation",
})  # fmt: skip
"""The fields of a response that its input has; the others are about its answer."""


class InputTokens(OpenAIDialect):
    """`POST /v1/responses/input_tokens`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request: a response's, without what only its answer has."""
        asked = read(body)
        for name in asked.__struct_fields__:
            if name not in TAKEN and getattr(asked, name) is not None:
                raise InvalidInput(
                    f"{name} is not known", hint="nothing is answered: only tokens are counted"
                )
        earlier = Earlier(asked)

        async def before(services: Services, principal: Principal) -> ModelRequest:
            await earlier.look_up(services.get(Store), principal.tenant)
            return structs.replace(translate(asked, earlier.items, earlier.named), task=CountTokens())

        request = structs.replace(translate(asked, [], {}), task=CountTokens())
        return Asked(asked.model, request, before=before if earlier else None)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The count, and whether the provider gave it."""
        tokens, estimated = counted(result.answer)
        said = extension(result) | {"estimated": estimated}
        return {"object": "response.input_tokens", "input_tokens": tokens, "quorum": said}
