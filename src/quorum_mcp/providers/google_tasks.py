"""What Gemini's models can be asked for besides chats: embeddings, images, speech, and counts of tokens."""

import base64
import struct
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.codec import encode
from quorum_mcp.errors import BadProviderAnswer, ContentFiltered, Unsupported
from quorum_mcp.messages import Audio, Image, ModelRequest, Part, Text
from quorum_mcp.providers.assemble import NO_USAGE
from quorum_mcp.providers.bodies import parse, refuse_tokens
from quorum_mcp.providers.google_shapes import Response
from quorum_mcp.providers.wire import Call
from quorum_mcp.tasks import CountTokens, Draw, Embed, Speak

Json = dict[str, Any]
VERSION = "/v1beta/"
SQUARE = "1024x1024"
"""The only size in pixels that Gemini's words for shapes mean exactly."""
SAMPLES = 24_000
"""Samples a second of what Gemini speaks: 16 bits, one channel, as OpenAI's `pcm`."""


class _Values(Struct):
    values: tuple[float, ...]


class _Vectors(Struct):
    embeddings: list[_Values]


class _Count(Struct, rename="camel"):
    total_tokens: int


def model_path(model: str) -> str:
    """The resource of a model; tuned models have a collection of their own in front."""
    if model.startswith(("models/", "tunedModels/")):
        return f"{VERSION}{quote(model)}"
    return f"{VERSION}models/{quote(model)}"


def task_call(request: ModelRequest, path: str) -> Call:
    """The HTTP request of a task that is no count of tokens; `path` is the model's."""
    match request.task:
        case Embed() as task:
            return Call(
                "POST", f"{path}:batchEmbedContents", encode({"requests": _rows(request, task, path)})
            )
        case Draw() as task:
            config = _drawing(task)
        case Speak() as task:
            config = _speaking(task)
        case _:
            raise Unsupported("this wire has no such task")
    contents = [{"role": "user", "parts": [{"text": text} for text in request.texts]}]
    return Call("POST", f"{path}:generateContent", encode({"contents": contents, "generationConfig": config}))


def _rows(request: ModelRequest, task: Embed, path: str) -> list[Json]:
    refuse_tokens(task)
    more: Json = {} if task.dimensions is None else {"outputDimensionality": task.dimensions}
    name = path.removeprefix(VERSION)
    return [{"model": name, "content": {"parts": [{"text": text}]}, **more} for text in request.texts]


def _drawing(task: Draw) -> Json:
    if task.count != 1:
        raise Unsupported("n: Google draws one image a call", hint="ask once for each")
    if task.form == "url":
        raise Unsupported("response_format url: Google sends images as data", hint="ask for b64_json")
    config: Json = {"responseModalities": ["TEXT", "IMAGE"]}
    if task.size == SQUARE:
        config["imageConfig"] = {"aspectRatio": "1:1"}
    elif task.size not in (None, "auto"):
        raise Unsupported(f"size {task.size!r} has no equivalent at Google", hint=f"auto or {SQUARE}")
    return config


def _speaking(task: Speak) -> Json:
    if task.format not in ("pcm", "wav"):
        said = task.format or "absent, which means mp3"
        raise Unsupported(f"response_format is {said}: Google speaks pcm and wav", hint="ask for one of them")
    if task.speed not in (None, 1):
        raise Unsupported("speed has no equivalent at Google", hint="leave it out")
    voice = {"prebuiltVoiceConfig": {"voiceName": task.voice}}
    return {"responseModalities": ["AUDIO"], "speechConfig": {"voiceConfig": voice}}


def task_answer(request: ModelRequest, body: bytes) -> Answer:
    """The answer to a task. Raises `BadProviderAnswer` where it is not one."""
    match request.task:
        case Embed():
            rows = parse(body, _Vectors).embeddings
            if len(rows) != (count := len(request.texts)):
                raise BadProviderAnswer(f"{len(rows)} vectors for {count} texts")
            # Google reports no usage for them.
            return Answer((), "stop", NO_USAGE, "", vectors=tuple(row.values for row in rows))
        case CountTokens():
            tokens = parse(body, _Count).total_tokens
            return Answer((), "stop", Usage(cost=0), request.model, native={"tokens": tokens})
        case Draw():
            return _made(parse(body, Response), "image/")
        case Speak() as task:
            answer = _made(parse(body, Response), "audio/")
            sound = next(part for part in answer.parts if isinstance(part, Audio))
            pcm = base64.b64decode(sound.data)
            kind, data = ("audio/wav", _wav(pcm)) if task.format == "wav" else ("audio/pcm", pcm)
            made = Audio(kind, base64.b64encode(data).decode())
            return Answer((made,), "stop", answer.usage, answer.model, answer.id)
        case _:
            raise Unsupported("this wire has no such task")


def _made(response: Response, kind: str) -> Answer:
    """The images or the sound of an answer, of that kind of media type, and texts beside them."""
    if response.prompt_feedback is not None and response.prompt_feedback.block_reason:
        raise ContentFiltered(f"the prompt was blocked: {response.prompt_feedback.block_reason}")
    parts: list[Part] = []
    reason = None
    for candidate in response.candidates or ():
        reason = candidate.finish_reason
        for part in candidate.content.parts if candidate.content else ():
            data = part.inline_data or {}
            media_type = str(data.get("mimeType") or "")
            if media_type.startswith(kind):
                made = str(data.get("data") or "")
                parts.append(Audio(media_type, made) if kind == "audio/" else Image(media_type, made))
            elif part.text and not part.thought and kind == "image/":
                parts.append(Text(part.text))
    if all(isinstance(part, Text) for part in parts):
        raise BadProviderAnswer(f"the answer holds nothing of {kind}*, it ended with {reason}")
    usage = response.usage_metadata.usage() if response.usage_metadata else NO_USAGE
    return Answer(tuple(parts), "stop", usage, response.model_version or "", response.response_id)


def _wav(pcm: bytes) -> bytes:
    """The samples as a file, with the head that says what they are."""
    form = struct.pack("<HHIIHH", 1, 1, SAMPLES, SAMPLES * 2, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
