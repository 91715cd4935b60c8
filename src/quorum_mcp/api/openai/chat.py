"""Chat completions as a dialect of the model routes."""

from collections.abc import Mapping

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import Chunks, completion
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.native import read_chat
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import QuorumError


class ChatCompletions:
    """`POST /v1/chat/completions`."""

    vendor = "openai"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        chat = read_chat(body)
        head = chat.head
        stream = Chunks(head.model, usage=head.usage) if head.stream else None
        return Asked(head.model, chat.request, stream)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The whole completion."""
        return completion(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
