"""Images as a dialect of the model routes."""

import time
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, TaskEvents, event, passed_on
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import Image, ModelRequest, Text, message
from quorum_mcp.tasks import Draw

MOST = 10
MOST_PARTIAL = 3
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
        count = 1 if asked.n is None else asked.n
        if not 1 <= count <= MOST:
            raise InvalidInput(f"n is {count}", hint=f"ask for 1 to {MOST} images")
        if not asked.prompt:
            raise InvalidInput("prompt is empty", hint="say what to draw")
        _check_stream(asked, count)
        request = ModelRequest(
            "",
            (message("user", asked.prompt),),
            task=Draw(count, asked.size, asked.response_format),
            extra=passed_on(asked, PASSED_ON),
        )
        return Asked(asked.model, request, _Events(asked) if asked.stream else None)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The list of images, with the prompt that each was drawn from where the vendor changed it."""
        used = result.answer.usage
        return {
            "created": int(time.time()),
            **(result.answer.native or {}),
            "data": [_row(image, revised) for image, revised in _drawn(result.answer)],
            **({"usage": _usage(used)} if used.reported else {}),
            "quorum": extension(result),
        }


class _Events(TaskEvents):
    """One event for an image, and no partial ones: OpenAI too may send fewer than were asked for.

    What was used is zeros where the provider does not say: the event cannot be without it.
    """

    def __init__(self, asked: ImageRequest) -> None:
        self._said = {
            "size": asked.size or "auto", "quality": asked.quality or "auto", "background": asked.background or "auto",
        }  # fmt: skip

    def end(self, result: Result) -> Iterator[bytes]:
        """All events; at once `Unsupported` where an image is not there but at an address."""
        drawn = _drawn(result.answer)
        if any(image.data is None for image, _ in drawn):
            raise Unsupported(
                f"stream: {result.provider}/{result.model} answers with the address of an image, not its data",
                hint="leave stream out, or ask for response_format b64_json",
            )
        return self._completed(drawn, result)

    def _completed(self, drawn: list[tuple[Image, str | None]], result: Result) -> Iterator[bytes]:
        kind = "image_generation.completed"
        for image, revised in drawn:
            last = image is drawn[-1][0]  # it tells what all of them took
            yield event(
                {
                    "type": kind,
                    "created_at": int(time.time()),
                    **self._said,
                    "output_format": (image.media_type or "image/png").removeprefix("image/"),
                    **(result.answer.native or {}),
                    "b64_json": image.data,
                    **({"revised_prompt": revised} if revised is not None else {}),
                    "usage": _usage(result.answer.usage if last else Usage()),
                    **({"quorum": extension(result)} if last else {}),
                },
                kind,
            )


def _check_stream(asked: ImageRequest, count: int) -> None:
    partial = asked.partial_images or 0
    if not 0 <= partial <= MOST_PARTIAL:
        raise InvalidInput(f"partial_images is {partial}", hint=f"0 to {MOST_PARTIAL}")
    if not asked.stream:
        if partial:
            raise Unsupported(
                f"partial_images={partial} without a stream", hint="leave it out, or set stream"
            )
        return
    if count > 1:
        raise Unsupported(f"n is {count}: a stream holds one image", hint="ask once for each")
    if asked.response_format == "url":
        raise Unsupported(
            "response_format url: a stream holds an image's data, not its address", hint="ask for b64_json"
        )


def _drawn(answer: Answer) -> list[tuple[Image, str | None]]:
    """The images, each with the prompt that it was drawn from where the vendor changed it."""
    drawn: list[tuple[Image, str | None]] = []
    revised: str | None = None
    for part in answer.parts:
        if isinstance(part, Text):
            revised = part.text
        elif isinstance(part, Image):
            drawn.append((part, revised))
            revised = None
    return drawn


def _row(image: Image, revised: str | None) -> Json:
    row: Json = {"url": image.url} if image.url is not None else {"b64_json": image.data}
    return row if revised is None else row | {"revised_prompt": revised}


def _usage(used: Usage) -> Json:
    images = used.media.image_input if used.media else 0
    return {
        "input_tokens": used.input, "output_tokens": used.output, "total_tokens": used.input + used.output,
        "input_tokens_details": {"image_tokens": images, "text_tokens": used.input - images},
    }  # fmt: skip
