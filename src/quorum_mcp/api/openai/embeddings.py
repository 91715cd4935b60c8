"""Embeddings as a dialect of the model routes."""

import base64
from array import array
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, QuorumError, Unsupported
from quorum_mcp.messages import Message, ModelRequest, Text

MOST = 2048
"""Texts of one request, as with OpenAI."""


class EmbeddingRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/embeddings`."""

    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


class Embeddings:
    """`POST /v1/embeddings`."""

    vendor = "openai"

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, EmbeddingRequest, "OpenAI's embeddings")
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        if not texts or len(texts) > MOST:
            raise InvalidInput(f"input has {len(texts)} texts", hint=f"send 1 to {MOST}")
        if any(not isinstance(text, str) for text in texts):
            raise Unsupported("input holds tokens", hint="send texts")
        for name in ("dimensions", "user"):
            if getattr(asked, name) is not None:
                raise Unsupported(f"{name} is not supported", hint=f"leave {name} out")
        request = ModelRequest("", (Message("user", tuple(Text(text) for text in texts)),), task="embed")
        return Asked(asked.model, request, options={"base64": asked.encoding_format == "base64"})

    def whole(self, result: Result, options: Json) -> Json:
        """The list of vectors; base64 is of little-endian 32-bit floats."""
        rows = [
            {
                "object": "embedding",
                "index": n,
                "embedding": _packed(vector) if options["base64"] else list(vector),
            }
            for n, vector in enumerate(result.answer.vectors)
        ]
        used = result.answer.usage.input
        return {
            "object": "list",
            "data": rows,
            "model": f"{result.provider}/{result.model}",
            "usage": {"prompt_tokens": used, "total_tokens": used},
            "quorum": extension(result),
        }

    def error(self, error: QuorumError) -> Json:
        """The body of an error."""
        return error_body(error)


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
