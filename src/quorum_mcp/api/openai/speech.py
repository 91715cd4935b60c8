"""Speech as a dialect of the model routes: the answer is the sound itself, or events that bring it."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.exchange import Raw
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, TaskEvents, event, passed_on
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Audio, ModelRequest, message
from quorum_mcp.tasks import Speak

MOST = 4096
"""Characters of one request, as with OpenAI."""
PIECE = 32_766
"""Bytes of sound in an event: a multiple of three, so that each piece is whole base64."""


class SpeechRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/audio/speech`."""

    model: str
    input: str
    voice: str | dict[str, Any]
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: float | None = None
    stream_format: Literal["audio", "sse"] | None = None


class Speech(OpenAIDialect):
    """`POST /v1/audio/speech`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, SpeechRequest, "OpenAI's speech")
        if not 1 <= len(asked.input) <= MOST:
            raise InvalidInput(f"input has {len(asked.input)} characters", hint=f"send 1 to {MOST}")
        if not isinstance(asked.voice, str):
            raise InvalidInput("voice is no text", hint="name one of the provider's voices")
        request = ModelRequest(
            "",
            (message("user", asked.input),),
            task=Speak(asked.voice, asked.response_format, asked.speed),
            extra=passed_on(asked, ("instructions",)),
        )
        return Asked(asked.model, request, _Events() if asked.stream_format == "sse" else None)

    def whole(self, result: Result, options: Json) -> Raw:  # noqa: ARG002 - there are none
        """The sound."""
        sound = _sound(result)
        return Raw(sound.media_type, base64.b64decode(sound.data))


class _Events(TaskEvents):
    """The sound in pieces, then what was used: zeros where the provider does not say, as none does beside mere sound."""

    def end(self, result: Result) -> Iterator[bytes]:
        """All events."""
        data, size = _sound(result).data, PIECE // 3 * 4
        for start in range(0, len(data), size):
            yield event({"type": "speech.audio.delta", "audio": data[start : start + size]})
        used = result.answer.usage
        usage = {
            "input_tokens": used.input, "output_tokens": used.output, "total_tokens": used.input + used.output,
        }  # fmt: skip
        yield event({"type": "speech.audio.done", "usage": usage, "quorum": extension(result)})


def _sound(result: Result) -> Audio:
    return next(part for part in result.answer.parts if isinstance(part, Audio))
