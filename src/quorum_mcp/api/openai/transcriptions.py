"""Transcriptions as a dialect of the model routes: a form with a file comes in."""

import base64
import math
from collections.abc import Mapping
from typing import Any

from quorum_mcp.api.exchange import Raw
from quorum_mcp.api.forms import Form, form_of
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, no_streams
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import Audio, Extra, Message, ModelRequest
from quorum_mcp.tasks import Transcribe

FORMS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
PASSED_ON = frozenset({
    "chunking_strategy", "include[]", "known_speaker_names[]", "known_speaker_references[]", "language", "prompt",
    "timestamp_granularities[]",
})  # fmt: skip
OWN = ("file", "model", "response_format", "temperature", "stream")
KINDS = {
    "flac": "audio/flac", "m4a": "audio/mp4", "mp3": "audio/mpeg", "mp4": "audio/mp4", "mpeg": "audio/mpeg",
    "mpga": "audio/mpeg", "oga": "audio/ogg", "ogg": "audio/ogg", "wav": "audio/wav", "webm": "audio/webm",
}  # fmt: skip
"""The media types of files, by the ends of their names: clients often send none."""


class Transcriptions(OpenAIDialect):
    """`POST /v1/audio/transcriptions`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        form = form_of(body)
        no_streams(form.text("stream") not in (None, "false"), "transcriptions")
        model = form.text("model")
        if not model:
            raise InvalidInput("model is missing", hint="name a model that transcribes")
        shape = form.text("response_format") or "json"
        if shape not in FORMS:
            raise InvalidInput(f"response_format: {shape!r} is not known", hint=", ".join(FORMS))
        if unknown := sorted(form.names() - PASSED_ON - {*OWN}):
            raise InvalidInput(f"{unknown[0]} is not known", hint=f"known: {', '.join((*OWN, *PASSED_ON))}")
        more = {name: form.texts(name) for name in sorted(PASSED_ON) if form.texts(name)}
        request = ModelRequest(
            "",
            (Message("user", (_sound(form),)),),
            temperature=_number(form.text("temperature")),
            task=Transcribe(form.files["file"].name, shape),
            extra=Extra("openai", more) if more else None,
        )
        return Asked(model, request, options={"form": shape})

    def whole(self, result: Result, options: Json) -> Json | Raw:
        """The text, in the shape that was asked for."""
        if options["form"] in ("text", "srt", "vtt"):
            ending = "\n" if options["form"] == "text" else ""
            return Raw("text/plain; charset=utf-8", (result.answer.text + ending).encode("utf-8", "replace"))
        said: dict[str, Any] = result.answer.native or {}
        return {**said, "text": result.answer.text, "quorum": extension(result)}


def _sound(form: Form) -> Audio:
    file = form.files.get("file")
    if file is None or not file.data:
        raise InvalidInput("file is missing or empty", hint="send the audio as a file of the form")
    kind = KINDS.get(file.name.rpartition(".")[2].lower(), file.media_type)
    return Audio(kind, base64.b64encode(file.data).decode())


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidInput(f"temperature: {text[:40]!r} is not a number from 0 to 1")
    return value
