"""Messages as a dialect of the model routes."""

from collections.abc import Mapping

from quorum_mcp.api.anthropic.answer import Events, message
from quorum_mcp.api.anthropic.failures import error_body
from quorum_mcp.api.anthropic.request import read, translate
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, QuorumError


class Messages:
    """`POST /v1/messages`."""

    vendor = "anthropic"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = read(body)
        if asked.max_tokens is None:
            raise InvalidInput("max_tokens is missing", hint="Anthropic's messages need it")
        return Asked(asked.model, translate(asked), Events(asked.model) if asked.stream else None)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The whole message."""
        return message(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
