"""Images as a dialect of the model routes."""

import time
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, no_streams, passed_on
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Image, ModelRequest, Text, message
from quorum_mcp.tasks import Draw

MOST = 10
PASSED_ON = (
    "background", "moderation", "output_compression", "output_format", "quality", "style", "user",
)  # fmt: skip


class ImageRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/images/generations`."""

    model: str
    prompt: str
    n: int | None = None
    size: str | None = None
    stream: bool | None = None
    partial_images: int | None = None
    background: str | None = None
    moderation: str | None = None
    output_compression: int | None = None
    output_format: str | None = None
    quality: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    style: str | None = None
    user: str | None = None


class Images(OpenAIDialect):
    """`POST /v1/images/generations`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, ImageRequest, "OpenAI's images")
        no_streams(asked.stream or bool(asked.partial_images), "images")
        count = 1 if asked.n is None else asked.n
        if not 1 <= count <= MOST:
            raise InvalidInput(f"n is {count}", hint=f"ask for 1 to {MOST} images")
        if not asked.prompt:
            raise InvalidInput("prompt is empty", hint="say what to draw")
        request = ModelRequest(
            "",
            (message("user", asked.prompt),),
            task=Draw(count, asked.size, asked.response_format),
            extra=passed_on(asked, PASSED_ON),
        )
        return Asked(asked.model, request)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The list of images, with the prompt that each was drawn from where the vendor changed it."""
        rows: list[Json] = []
        revised: str | None = None
        for part in result.answer.parts:
            if isinstance(part, Text):
                revised = part.text
            elif isinstance(part, Image):
                row: Json = {"url": part.url} if part.url is not None else {"b64_json": part.data}
                rows.append(row if revised is None else row | {"revised_prompt": revised})
                revised = None
        used = result.answer.usage
        usage: Json = {
            "input_tokens": used.input, "output_tokens": used.output, "total_tokens": used.input + used.output,
            "input_tokens_details": {
                "image_tokens": used.media.image_input if used.media else 0,
                "text_tokens": used.input - (used.media.image_input if used.media else 0),
            },
        }  # fmt: skip
        return {
            "created": int(time.time()),
            **(result.answer.native or {}),
            "data": rows,
            **({"usage": usage} if used.reported else {}),
            "quorum": extension(result),
        }
