"""Ollama's paths as dialects of the model routes."""

from collections.abc import Mapping

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.ollama.answer import Kind, Lines
from quorum_mcp.api.ollama.failures import error_body
from quorum_mcp.api.ollama.request import chat, embed, generate
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import QuorumError


class OllamaChat:
    """`POST /api/chat`, or with `kind` generate `POST /api/generate`."""

    vendor = "ollama"

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request; it is streamed unless it says otherwise."""
        asked, request = chat(body) if self._kind == "chat" else generate(body)
        lines = Lines(asked.model, self._kind)
        return Asked(asked.model, request, lines if asked.stream else None, {"lines": lines})

    def whole(self, result: Result, options: Json) -> Json:
        """The whole answer."""
        return options["lines"].whole(result)

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


class OllamaEmbed:
    """`POST /api/embed`."""

    vendor = "ollama"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked, request = embed(body)
        return Asked(asked.model, request)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The vectors."""
        return {
            "model": f"{result.provider}/{result.model}",
            "embeddings": [list(vector) for vector in result.answer.vectors],
            "prompt_eval_count": result.answer.usage.input,
            "total_duration": round(result.latency * 1e9),
            "quorum": extension(result),
        }

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)
