"""A chat completion as OpenAI's clients ask for it, read into our own request; what has no equivalent is refused by name."""

from typing import Any, Literal

from msgspec import Struct, structs

from quorum_mcp.api.logprobs import wanted
from quorum_mcp.api.reading import audio_of, json_of, object_of, only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import (
    SEARCHES,
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Part,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)

PASSED_ON = (
    "frequency_penalty", "logit_bias", "metadata", "presence_penalty", "prompt_cache_key", "safety_identifier",
    "user", "verbosity",
)  # fmt: skip
"""Fields that a provider of the same wire gets as they are; none of them changes what a token costs."""
MISTRAL = ("prompt_mode", "safe_prompt")
"""The same of Mistral's clients, who speak to the same path; their `random_seed` is a seed."""
AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}
Json = dict[str, Any]


class StreamOptions(Struct):
    """What a stream holds besides the answer."""

    include_usage: bool = False
    include_obfuscation: bool = False


class ChatRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/chat/completions`: every field that is understood, in OpenAI's words."""

    model: str
    messages: list[Json]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    response_format: Json | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    functions: list[Json] | None = None
    function_call: str | Json | None = None
    prompt_cache_retention: str | None = None
    modalities: list[str] | None = None
    store: bool | None = None
    web_search_options: Json | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    metadata: dict[str, str] | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    random_seed: int | None = None
    safe_prompt: bool | None = None
    prompt_mode: str | None = None


def read(body: bytes) -> ChatRequest:
    """The fields of a chat completion; errors as `json_of`."""
    return json_of(body, ChatRequest, "OpenAI's chat completions")


def translate(asked: ChatRequest) -> ModelRequest:
    """The request for a model; its name stays empty.

    Raises:
        Unsupported: something in it has no equivalent; nothing is dropped.
        InvalidInput: a message or a tool is not of OpenAI's form.
    """
    _refuse(asked)
    return ModelRequest(
        "",
        tuple(_message(one, f"messages[{n}]") for n, one in enumerate(asked.messages)),
        tools=tuple(_tool(one, f"tools[{n}]") for n, one in enumerate(asked.tools or ())),
        tool_choice=_choice(asked.tool_choice),
        parallel_tools=asked.parallel_tool_calls,
        format=_format(asked.response_format),
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=(asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()),
        seed=asked.random_seed if asked.seed is None else asked.seed,
        reasoning_effort=asked.reasoning_effort,
        logprobs=wanted(asked.logprobs, asked.top_logprobs, names=("logprobs", "top_logprobs")),
        searches=0 if asked.web_search_options is None else SEARCHES,
        extra=_extra(asked),
    )


def _extra(asked: ChatRequest) -> Extra | None:
    fields = {name: value for name in (*PASSED_ON, *MISTRAL) if (value := getattr(asked, name)) is not None}
    if not fields:
        return None
    return Extra("mistral" if any(name in fields for name in MISTRAL) else "openai", fields)


def _refuse(asked: ChatRequest) -> None:
    if not asked.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    only(asked.web_search_options or {}, set(), "web_search_options")
    for name, refused in (
        ("n", asked.n not in (None, 1)),
        ("functions", bool(asked.functions)),
        ("function_call", asked.function_call is not None),
        ("prompt_cache_retention", asked.prompt_cache_retention is not None),
        ("modalities", bool(asked.modalities) and asked.modalities != ["text"]),
        ("store", bool(asked.store)),
    ):
        if refused:
            raise Unsupported(f"{name}={getattr(asked, name)!r} is not supported", hint=f"leave {name} out")
    for name in ("max_tokens", "max_completion_tokens"):
        if (value := getattr(asked, name)) is not None and value < 1:
            raise InvalidInput(f"{name} must be at least 1, not {value}", hint=f"leave {name} out for no cap")


def _message(given: Json, where: str) -> Message:
    role = given.get("role")
    known = {"role", "content", "name"}
    if role in ("system", "developer", "user"):
        only(given, known, where)
        said: Role = "user" if role == "user" else "system"
        return Message(said, _parts(given.get("content"), f"{where}.content"))
    if role == "tool":
        only(given, known | {"tool_call_id"}, where)
        parts = _parts(given.get("content"), f"{where}.content")
        shown = tuple(part for part in parts if isinstance(part, Text | Image))
        return Message("tool", (ToolResult(text_of(given, "tool_call_id", where), shown, given.get("name")),))
    if role == "assistant":
        only(
            given,
            known
            | {"tool_calls", "refusal", "reasoning_content", "reasoning", "audio", "annotations", "prefix"},
            where,
        )
        return Message("assistant", _assistant(given, where))
    raise InvalidInput(
        f"{where}.role: {role!r} is not a role", hint="system, developer, user, assistant or tool"
    )


def _assistant(given: Json, where: str) -> tuple[Part, ...]:
    if given.get("prefix"):
        raise Unsupported(f"{where}.prefix is not supported", hint="leave it out")
    if given.get("audio"):
        raise Unsupported(f"{where}.audio is not supported", hint="send the text")
    parts: list[Part] = []
    if reasoning := given.get("reasoning_content") or given.get("reasoning"):
        parts.append(Reasoning(str(reasoning)))
    for name in ("content", "refusal"):
        if given.get(name) is not None:
            parts += _parts(given[name], f"{where}.{name}")
    for n, call in enumerate(given.get("tool_calls") or ()):
        at = f"{where}.tool_calls[{n}]"
        function = object_of(call, "function")
        if not function:
            raise Unsupported(f"{at} is no call of a function", hint="only function tools are supported")
        parts.append(
            ToolUse(
                text_of(call, "id", at), text_of(function, "name", at), str(function.get("arguments") or "{}")
            )
        )
    return tuple(parts)


def _parts(content: Any, where: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise InvalidInput(f"{where} is neither text nor a list of parts")
    return tuple(_part(part, f"{where}[{n}]") for n, part in enumerate(content))


def _part(part: Any, where: str) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "refusal"):
        return Text(text_of(part, kind, where))
    if kind == "image_url":
        plain = part.get("image_url")  # Mistral's clients send the address alone
        image = {"url": plain} if isinstance(plain, str) else object_of(part, "image_url")
        return detailed(data_url(text_of(image, "url", f"{where}.image_url"), where), image, where)
    if kind == "input_audio":
        sound = object_of(part, "input_audio")
        form = text_of(sound, "format", f"{where}.input_audio")
        if form not in AUDIO:
            raise Unsupported(
                f"{where}.input_audio.format {form!r} is not supported", hint=" and ".join(AUDIO) + " are"
            )
        return audio_of(sound.get("data"), AUDIO[form], f"{where}.input_audio.data")
    raise Unsupported(
        f"{where}: parts of type {kind!r} are not supported", hint="text, image_url and input_audio are"
    )


def detailed(image: Image, given: Json, where: str) -> Image:
    """The image with how closely a model shall look at it, where that is said."""
    match given.get("detail"):
        case None | "auto":
            return image
        case "low" | "high" | "original" as detail:
            return structs.replace(image, detail=detail)
        case other:
            raise InvalidInput(f"{where}: detail {other!r} is not known", hint="auto, low, high or original")


def data_url(url: str, where: str) -> Image:
    """An image by its URL, or the data that stands in one."""
    if not url.startswith("data:"):
        return Image(url=url)
    head, _, data = url.removeprefix("data:").partition(",")
    media_type, _, encoding = head.partition(";")
    if encoding != "base64" or not data:
        raise InvalidInput(f"{where}: a data URL must be base64", hint="data:image/png;base64,…")
    return Image(media_type or "image/png", data)


def _tool(given: Json, where: str) -> Tool:
    function = given.get("function")
    if given.get("type") != "function" or not isinstance(function, dict):
        raise Unsupported(
            f"{where}: tools of type {given.get('type')!r} are not supported", hint="function tools are"
        )
    only(function, {"name", "description", "parameters", "strict"}, where)
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(schema, dict):
        raise InvalidInput(f"{where}.function.parameters is no JSON Schema")
    return Tool(
        text_of(function, "name", where),
        str(function.get("description") or ""),
        schema,
        bool(function.get("strict")),
    )


def _choice(given: str | Json | None) -> ToolChoice:
    if given is None:
        return ToolChoice()
    if isinstance(given, str):
        if given not in ("auto", "none", "required", "any"):
            raise InvalidInput(f"tool_choice: {given!r} is not known", hint="auto, none or required")
        return ToolChoice("required" if given == "any" else given)
    function = given.get("function")
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return ToolChoice("named", function["name"])
    raise Unsupported(
        f"tool_choice {given!r} is not supported", hint="auto, none, required, or a function by name"
    )


def _format(given: Json | None) -> JsonFormat | None:
    kind = given.get("type") if given else None
    if given is None or kind == "text":
        return None
    if kind == "json_object":
        return JsonFormat()
    wanted = given.get("json_schema")
    if kind == "json_schema" and isinstance(wanted, dict) and isinstance(wanted.get("schema"), dict):
        return JsonFormat(
            wanted["schema"], str(wanted.get("name") or "answer"), bool(wanted.get("strict", False))
        )
    raise Unsupported(
        f"response_format of type {kind!r} is not supported", hint="text, json_object or json_schema"
    )
