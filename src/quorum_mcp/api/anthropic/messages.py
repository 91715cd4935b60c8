"""Messages as a dialect of the model routes."""

from collections.abc import Mapping

from quorum_mcp.api.anthropic.answer import Events, message
from quorum_mcp.api.anthropic.failures import error_body
from quorum_mcp.api.anthropic.native import read_message
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import QuorumError


class Messages:
    """`POST /v1/messages`."""

    vendor = "anthropic"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = read_message(body)
        head = asked.head
        return Asked(head.model, asked.request, Events(head.model) if head.stream else None)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The whole message."""
        return message(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
