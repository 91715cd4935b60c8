"""What the OpenAI wire can be asked for besides chats: embeddings, images, speech, transcriptions, moderations."""

import base64
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from quorum_mcp.answers import Answer, Media, Usage
from quorum_mcp.codec import encode
from quorum_mcp.errors import BadProviderAnswer, Unsupported
from quorum_mcp.messages import Audio, Image, ModelRequest, Part, Text
from quorum_mcp.providers.assemble import NO_USAGE
from quorum_mcp.providers.bodies import parse
from quorum_mcp.providers.multipart import File, multipart
from quorum_mcp.providers.usage import OpenAIUsage, TaskUsage
from quorum_mcp.providers.wire import Call
from quorum_mcp.tasks import Draw, Embed, Moderate, Speak, TaskName, Transcribe

Json = dict[str, Any]
TASKS: frozenset[TaskName] = frozenset({"embeddings", "images", "speech", "transcriptions", "moderations"})
DIMENSIONS = "dimensions"


class _Vector(Struct):
    embedding: tuple[float, ...]
    index: int | None = None


class _Vectors(Struct):
    data: list[_Vector]
    model: str | None = None
    usage: OpenAIUsage | None = None


class _Drawn(Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Images(Struct):
    data: list[_Drawn]
    usage: TaskUsage | None = None
    output_format: str | None = None
    background: str | None = None
    quality: str | None = None
    size: str | None = None


class _Moderation(Struct):
    results: list[Json]
    id: str | None = None
    model: str | None = None


def task_call(request: ModelRequest, prefix: str, dimensions: str = DIMENSIONS) -> Call:
    """The HTTP request of a task; `dimensions` is what the vendor calls the length of vectors."""
    match request.task:
        case Embed() as task:
            return _json(f"{prefix}/embeddings", _embedding(request, task, dimensions), request)
        case Draw() as task:
            how = {"size": task.size, "response_format": task.form}
            body: Json = {"prompt": "\n".join(request.texts), "n": task.count, **_set(how)}
            return _json(f"{prefix}/images/generations", body, request)
        case Speak() as task:
            body = {"input": "\n".join(request.texts), "voice": task.voice}
            body |= _set({"response_format": task.format, "speed": task.speed})
            return _json(f"{prefix}/audio/speech", body, request, accept="*/*")
        case Moderate() as task:
            return _json(f"{prefix}/moderations", _judged(request, task), request)
        case Transcribe() as task:
            return _transcription(f"{prefix}/audio/transcriptions", request, task)
        case _:
            raise Unsupported("this wire has no such task")


def _embedding(request: ModelRequest, task: Embed, dimensions: str) -> Json:
    inputs: list[Any] = [list(one) for one in task.tokens] or list(request.texts)
    length = {} if task.dimensions is None else {dimensions: task.dimensions}
    return {"input": inputs, "encoding_format": "float", **length}


def _judged(request: ModelRequest, task: Moderate) -> Json:
    parts = [_input(part) for message in request.messages for part in message.parts]
    if task.one:
        return {"input": parts}
    return {"input": [one["text"] if one["type"] == "text" else one for one in parts]}


def _json(path: str, body: Json, request: ModelRequest, **headers: str) -> Call:
    more = request.extra.fields if request.extra is not None else {}
    return Call("POST", path, encode({"model": request.model, **body, **more}), headers)


def _set(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _input(part: Part) -> Json:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data, url):
            address = url or f"data:{media_type or 'image/png'};base64,{data}"
            return {"type": "image_url", "image_url": {"url": address}}
        case _:
            raise Unsupported("only texts and images are judged")


def _transcription(path: str, request: ModelRequest, task: Transcribe) -> Call:
    sound = next((p for m in request.messages for p in m.parts if isinstance(p, Audio)), None)
    if sound is None:
        raise Unsupported("a transcription needs audio")
    fields: list[tuple[str, str | File]] = [
        ("file", File(task.file_name, sound.media_type, base64.b64decode(sound.data))),
        ("model", request.model),
        # A text alone would come without its usage, which is what its price depends on.
        ("response_format", "json" if task.form == "text" else task.form),
    ]
    if request.temperature is not None:
        fields.append(("temperature", f"{request.temperature:g}"))
    for name, value in (request.extra.fields if request.extra else {}).items():
        fields += [(name, one) for one in (value if isinstance(value, list) else [value])]
    body, kind = multipart(fields)
    return Call("POST", path, body, {"content-type": kind, "accept": "*/*"})


def task_answer(request: ModelRequest, body: bytes, media_type: str) -> Answer:
    """The answer to a task. Raises `BadProviderAnswer` where it is not one."""
    return _READERS[type(request.task)](request, body, media_type)


def _vectors(request: ModelRequest, body: bytes, _: str) -> Answer:
    answer = parse(body, _Vectors)
    task = request.task
    count = len(task.tokens) if isinstance(task, Embed) and task.tokens else len(request.texts)
    rows = answer.data
    if len(rows) != count:
        raise BadProviderAnswer(f"{len(rows)} vectors for {count} texts")
    if all(row.index is not None for row in rows):
        rows = sorted(rows, key=lambda row: row.index or 0)
    usage = answer.usage.usage() if answer.usage else NO_USAGE
    return Answer((), "stop", usage, answer.model or "", vectors=tuple(row.embedding for row in rows))


def _images(_: ModelRequest, body: bytes, __: str) -> Answer:
    answer = parse(body, _Images)
    kind = f"image/{answer.output_format or 'png'}"
    parts: list[Part] = []
    for row in answer.data:
        if row.b64_json is None and row.url is None:
            raise BadProviderAnswer("an image has neither data nor a URL")
        if row.revised_prompt:
            parts.append(Text(row.revised_prompt))
        parts.append(Image(kind, row.b64_json, row.url))
    if not parts:
        raise BadProviderAnswer("the answer holds no image")
    said = {n: v for n in ("background", "output_format", "quality", "size") if (v := getattr(answer, n))}
    usage = answer.usage.usage(image=True) if answer.usage else NO_USAGE
    return Answer(tuple(parts), "stop", usage, "", native=said)


def _speech(request: ModelRequest, body: bytes, media_type: str) -> Answer:
    kind = media_type.partition(";")[0].strip()
    if not body or kind.startswith(("application/json", "text/")):
        raise BadProviderAnswer(f"the answer is no sound but {kind or 'nothing'}")
    # Only what was read aloud is known: no vendor reports the usage of an answer that is nothing but sound.
    read = sum(len(text) for text in request.texts)
    usage = Usage(reported=False, media=Media(characters=read))
    return Answer((Audio(kind, base64.b64encode(body).decode()),), "stop", usage, "")


def _transcript(request: ModelRequest, body: bytes, media_type: str) -> Answer:
    form = request.task.form if isinstance(request.task, Transcribe) else "json"
    if form in ("srt", "vtt") and not media_type.startswith("application/json"):
        return Answer((Text(body.decode("utf-8", "replace")),), "stop", NO_USAGE, "")
    said = parse(body, Json)
    text = said.get("text")
    if not isinstance(text, str):
        raise BadProviderAnswer("the answer holds no text")
    usage = parse(encode(said["usage"]), TaskUsage).usage() if said.get("usage") else NO_USAGE
    return Answer((Text(text),), "stop", usage, "", native=said)


def _moderation(_: ModelRequest, body: bytes, __: str) -> Answer:
    answer = parse(body, _Moderation)
    if not answer.results:
        raise BadProviderAnswer("the answer holds no results")
    native = {"results": answer.results}
    return Answer((), "stop", NO_USAGE, answer.model or "", answer.id, native=native)


_READERS: dict[Any, Callable[[ModelRequest, bytes, str], Answer]] = {
    Embed: _vectors,
    Draw: _images,
    Speak: _speech,
    Transcribe: _transcript,
    Moderate: _moderation,
}
