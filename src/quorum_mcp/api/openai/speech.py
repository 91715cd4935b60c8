"""Speech as a dialect of the model routes: the answer is the sound itself."""

import base64
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.exchange import Raw
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.dialect import OpenAIDialect, no_streams, passed_on
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Audio, ModelRequest, message
from quorum_mcp.tasks import Speak

MOST = 4096
"""Characters of one request, as with OpenAI."""


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
        no_streams(asked.stream_format == "sse", "events of speech")
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
        return Asked(asked.model, request)

    def whole(self, result: Result, options: Json) -> Raw:  # noqa: ARG002 - there are none
        """The sound."""
        sound = next(part for part in result.answer.parts if isinstance(part, Audio))
        return Raw(sound.media_type, base64.b64decode(sound.data))
