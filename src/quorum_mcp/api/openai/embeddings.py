"""Embeddings as a dialect of the model routes."""

import base64
from array import array
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, passed_on
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Message, ModelRequest, Text
from quorum_mcp.tasks import Embed

MOST = 2048
"""Texts of one request, as with OpenAI."""


class EmbeddingRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/embeddings`."""

    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


class Embeddings(OpenAIDialect):
    """`POST /v1/embeddings`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, EmbeddingRequest, "OpenAI's embeddings")
        inputs, tokens = _inputs(asked.input)
        if asked.dimensions is not None and asked.dimensions < 1:
            raise InvalidInput(f"dimensions must be at least 1, not {asked.dimensions}")
        request = ModelRequest(
            "",
            (Message("user", inputs),),
            task=Embed(asked.dimensions, tokens),
            extra=passed_on(asked, ("user",)),
        )
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
            "id": f"embd-{result.id}",  # which Mistral's client asks for
            "object": "list",
            "data": rows,
            "model": f"{result.provider}/{result.model}",
            "usage": {"prompt_tokens": used, "total_tokens": used},
            "quorum": extension(result),
        }


def _inputs(given: str | list[Any]) -> tuple[tuple[Text, ...], tuple[tuple[int, ...], ...]]:
    """The texts, or what was sent as tokens: one list of numbers, or a list of such."""
    many: list[Any] = [given] if isinstance(given, str) or _numbers(given) else given
    if not 1 <= len(many) <= MOST:
        raise InvalidInput(f"input has {len(many)} texts", hint=f"send 1 to {MOST}")
    if all(isinstance(one, str) for one in many):
        return tuple(Text(one) for one in many), ()
    if all(_numbers(one) for one in many):
        return (), tuple(tuple(one) for one in many)
    raise InvalidInput("input holds neither texts nor lists of tokens", hint="send only one kind")


def _numbers(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(type(one) is int and one >= 0 for one in given)


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
