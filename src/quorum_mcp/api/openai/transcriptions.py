"""Transcriptions as a dialect of the model routes: a form with a file comes in."""

import base64
import math
from collections.abc import Iterator, Mapping
from typing import Any

from quorum_mcp.answers import Usage
from quorum_mcp.api.exchange import Raw
from quorum_mcp.api.forms import Form, form_of
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.openai.dialect import OpenAIDialect, TaskEvents, event
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import Audio, Extra, Message, ModelRequest
from quorum_mcp.tasks import Transcribe

FORMS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
STREAMED = ("json", "diarized_json")
"""The forms that there are events for, of text and of speakers' segments."""
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
        model = form.text("model")
        if not model:
            raise InvalidInput("model is missing", hint="name a model that transcribes")
        shape = form.text("response_format") or "json"
        if shape not in FORMS:
            raise InvalidInput(f"response_format: {shape!r} is not known", hint=", ".join(FORMS))
        streamed = _flag("stream", form.text("stream"))
        if streamed and shape not in STREAMED:
            raise Unsupported(
                f"response_format {shape} is not streamed",
                hint=f"leave stream out, or ask for {' or '.join(STREAMED)}",
            )
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
        return Asked(model, request, _Events(shape) if streamed else None, {"form": shape})

    def whole(self, result: Result, options: Json) -> Json | Raw:
        """The text, in the shape that was asked for."""
        if options["form"] in ("text", "srt", "vtt"):
            ending = "\n" if options["form"] == "text" else ""
            return Raw("text/plain; charset=utf-8", (result.answer.text + ending).encode("utf-8", "replace"))
        said: dict[str, Any] = result.answer.native or {}
        return {**said, "text": result.answer.text, "quorum": extension(result)}


class _Events(TaskEvents):
    """The text, by its speakers where they are told apart, then all of it with what was used."""

    def __init__(self, form: str) -> None:
        self._form = form

    def end(self, result: Result) -> Iterator[bytes]:
        """All events."""
        said: Json = result.answer.native or {}
        text = result.answer.text
        odds = {"logprobs": said["logprobs"]} if said.get("logprobs") else {}
        segments = said.get("segments") if self._form == "diarized_json" else None
        for one in segments or ():
            piece = {"delta": one.get("text", ""), "segment_id": one.get("id")}
            yield event({"type": "transcript.text.delta", **piece})
            yield event(one | {"type": "transcript.text.segment"})
        if not segments:
            yield event({"type": "transcript.text.delta", "delta": text, **odds})
        usage = _usage(result.answer.usage)
        yield event(
            {"type": "transcript.text.done", "text": text, **odds, **usage, "quorum": extension(result)}
        )


def _usage(used: Usage) -> Json:
    """The tokens, where there are any: the event knows no usage by the second."""
    total = used.input + used.output
    if not total:
        return {}
    usage: Json = {
        "type": "tokens", "input_tokens": used.input, "output_tokens": used.output, "total_tokens": total,
    }  # fmt: skip
    if used.media is not None and (sound := used.media.audio_input):
        usage["input_token_details"] = {"text_tokens": used.input - sound, "audio_tokens": sound}
    return {"usage": usage}


def _sound(form: Form) -> Audio:
    file = form.files.get("file")
    if file is None or not file.data:
        raise InvalidInput("file is missing or empty", hint="send the audio as a file of the form")
    kind = KINDS.get(file.name.rpartition(".")[2].lower(), file.media_type)
    return Audio(kind, base64.b64encode(file.data).decode())


def _flag(name: str, text: str | None) -> bool:
    if text is None or text.lower() in ("false", "true"):
        return text is not None and text.lower() == "true"
    raise InvalidInput(f"{name}: {text[:40]!r} is neither true nor false")


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
