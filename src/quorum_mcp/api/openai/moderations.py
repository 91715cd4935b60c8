"""Moderations as a dialect of the model routes."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect
from quorum_mcp.api.openai.request import data_url
from quorum_mcp.api.reading import json_of, object_of, text_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import Message, ModelRequest, Part, Text
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.tasks import Moderate

MOST = 2048


class ModerationRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/moderations`. Without a model it is the catalogue's for OpenAI."""

    input: str | list[Any]
    model: str | None = None


class Moderations(OpenAIDialect):
    """`POST /v1/moderations`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, ModerationRequest, "OpenAI's moderations")
        inputs = [asked.input] if isinstance(asked.input, str) else asked.input
        if not 1 <= len(inputs) <= MOST:
            raise InvalidInput(f"input has {len(inputs)} parts", hint=f"send 1 to {MOST}")
        one = not all(isinstance(part, str) for part in inputs)
        parts = tuple(_part(part, f"input[{n}]") for n, part in enumerate(inputs))
        request = ModelRequest("", (Message("user", parts),), task=Moderate(one))
        return Asked(asked.model or f"openai/{catalog().vendors['openai'].moderation}", request)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The vendor's own results, by its own categories."""
        return {
            "id": result.answer.id or f"modr-{result.id}",
            "model": f"{result.provider}/{result.model}",
            **(result.answer.native or {}),
            "quorum": extension(result),
        }


def _part(part: Any, where: str) -> Part:
    if isinstance(part, str):
        return Text(part)
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return Text(text_of(part, "text", where))
    if kind == "image_url":
        return data_url(text_of(object_of(part, "image_url"), "url", f"{where}.image_url"), where)
    raise Unsupported(f"{where}: parts of type {kind!r} are not supported", hint="text and image_url are")
