"""Counts of tokens as a dialect of the model routes."""

from collections.abc import Mapping

from msgspec import structs

from quorum_mcp.api.anthropic.failures import error_body
from quorum_mcp.api.anthropic.request import read, translate
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.calls.call import Result
from quorum_mcp.calls.counting import counted
from quorum_mcp.errors import InvalidInput, QuorumError
from quorum_mcp.tasks import CountTokens

ANSWERS = ("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata")
"""Fields that only an answer has."""


class TokenCount:
    """`POST /v1/messages/count_tokens`."""

    vendor = "anthropic"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request: a message's, without what only its answer has."""
        asked = read(body)
        for name in ANSWERS:
            if getattr(asked, name) is not None:
                raise InvalidInput(
                    f"{name} is not known", hint="nothing is answered: only tokens are counted"
                )
        return Asked(asked.model, structs.replace(translate(asked), task=CountTokens()))

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The count, and whether the provider gave it."""
        tokens, estimated = counted(result.answer)
        return {"input_tokens": tokens, "quorum": extension(result) | {"estimated": estimated}}

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
