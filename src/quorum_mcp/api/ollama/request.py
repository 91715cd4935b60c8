"""What Ollama's clients ask for, read into our own request; what has no equivalent is refused by name."""

from typing import Any

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.api.logprobs import wanted
from quorum_mcp.api.reading import json_of, only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import (
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
    ToolResult,
    ToolUse,
)
from quorum_mcp.tasks import Embed

Json = dict[str, Any]
ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
EFFORTS = ("low", "medium", "high")
OPTIONS = {"num_predict", "temperature", "top_p", "seed", "stop"}
SAMPLING = {
    "top_k", "frequency_penalty", "presence_penalty", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "mirostat",
    "mirostat_eta", "mirostat_tau",
}  # fmt: skip
"""Options that a provider gets as they are, where it has them."""
MACHINE = {"num_ctx", "num_gpu", "num_thread", "num_batch", "num_keep", "main_gpu", "use_mmap", "low_vram"}
"""Options about the machine that the model runs on, which is the provider's own business: taken and not passed on."""


class ChatRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/chat`. `keep_alive` and `truncate` are the provider's own business."""

    model: str
    messages: list[Json] = []
    stream: bool = True
    tools: list[Json] | None = None
    format: str | Json | None = None
    think: bool | str | None = None
    options: Json | None = None
    keep_alive: str | float | None = None
    truncate: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class GenerateRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/generate`."""

    model: str
    prompt: str = ""
    system: str | None = None
    images: list[str] | None = None
    stream: bool = True
    format: str | Json | None = None
    think: bool | str | None = None
    options: Json | None = None
    keep_alive: str | float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class EmbedRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /api/embed`."""

    model: str
    input: str | list[str]
    truncate: bool | None = None
    options: Json | None = None
    keep_alive: str | float | None = None


def chat(body: bytes) -> tuple[ChatRequest, ModelRequest]:
    """A chat: as it was asked, and the request for a model, whose name stays empty."""
    asked = json_of(body, ChatRequest, "Ollama's chat")
    if not asked.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    waiting: list[str] = []
    turns = tuple(_message(one, f"messages[{n}]", waiting) for n, one in enumerate(asked.messages))
    tools = tuple(_tool(one, f"tools[{n}]") for n, one in enumerate(asked.tools or ()))
    return asked, _request(turns, asked, tools)


def generate(body: bytes) -> tuple[GenerateRequest, ModelRequest]:
    """A prompt without turns: as it was asked, and the request for a model."""
    asked = json_of(body, GenerateRequest, "Ollama's generate")
    system = (Message("system", (Text(asked.system),)),) if asked.system else ()
    images = tuple(Image(data=data, media_type=_kind(data)) for data in asked.images or ())
    return asked, _request((*system, Message("user", (*images, Text(asked.prompt)))), asked, ())


def embed(body: bytes) -> tuple[EmbedRequest, ModelRequest]:
    """Texts to embed."""
    asked = json_of(body, EmbedRequest, "Ollama's embed")
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not texts:
        raise InvalidInput("input is empty", hint="send at least one text")
    return asked, ModelRequest("", (Message("user", tuple(Text(text) for text in texts)),), task=Embed())


def _request(
    messages: tuple[Message, ...], asked: ChatRequest | GenerateRequest, tools: tuple[Tool, ...]
) -> ModelRequest:
    options = {name: value for name, value in (asked.options or {}).items() if name not in MACHINE}
    only(options, OPTIONS | SAMPLING, "options")
    sampling = {name: value for name, value in options.items() if name in SAMPLING and value is not None}
    stop = options.get("stop") or ()
    predict = options.get("num_predict")
    effort = None
    if isinstance(asked.think, str):
        if asked.think not in EFFORTS:
            raise InvalidInput(
                f"think: {asked.think!r} is not known", hint="true, false, low, medium or high"
            )
        effort = asked.think
    elif asked.think is False:
        effort = "none"
    return ModelRequest(
        "",
        messages,
        tools=tools,
        format=_format(asked.format),
        max_tokens=predict if isinstance(predict, int) and predict > 0 else None,
        temperature=options.get("temperature"),
        top_p=options.get("top_p"),
        seed=options.get("seed"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        reasoning_effort=effort,  # type: ignore[arg-type]  # one of the words above
        extra=Extra("ollama", sampling) if sampling else None,
        logprobs=wanted(asked.logprobs, asked.top_logprobs, names=("logprobs", "top_logprobs")),
    )


def _message(given: Json, where: str, waiting: list[str]) -> Message:
    """The turn. Results name no call: they answer the calls that are `waiting`, in their order."""
    role = ROLES.get(str(given.get("role")))
    if role is None:
        raise InvalidInput(f"{where}.role: {given.get('role')!r} is not a role")
    only(
        given,
        {"role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id", "name"},
        where,
    )
    text = str(given.get("content") or "")
    images = tuple(Image(data=data, media_type=_kind(data)) for data in given.get("images") or ())
    if role == "tool":
        answered = given.get("tool_call_id") or (waiting.pop(0) if waiting else "")
        return Message(
            "tool",
            (ToolResult(answered, (Text(text), *images), given.get("tool_name") or given.get("name")),),
        )
    parts: list[Part] = [Reasoning(given["thinking"])] if given.get("thinking") else []
    parts += [*images, *([Text(text)] if text or role != "assistant" else [])]
    for n, call in enumerate(given.get("tool_calls") or ()):
        function = call.get("function") or {}
        use = ToolUse(
            call.get("id") or new_id("call"),
            text_of(function, "name", f"{where}.tool_calls[{n}]"),
            codec.encode_text(function.get("arguments") or {}),
        )
        waiting.append(use.id)
        parts.append(use)
    return Message(role, tuple(parts))


def _tool(given: Json, where: str) -> Tool:
    function = given.get("function")
    if not isinstance(function, dict):
        raise Unsupported(f"{where} is no function", hint="function tools are supported")
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(text_of(function, "name", where), str(function.get("description") or ""), schema)


def _format(given: str | Json | None) -> JsonFormat | None:
    if not given:
        return None
    if isinstance(given, str):
        if given != "json":
            raise InvalidInput(f"format: {given!r} is not known", hint="json, or a JSON Schema")
        return JsonFormat()
    return JsonFormat(given)


def _kind(data: str) -> str:
    """The media type of a base64 image, by its first bytes."""
    known = {"/9j/": "image/jpeg", "R0lG": "image/gif", "UklG": "image/webp"}
    return next((kind for start, kind in known.items() if data.startswith(start)), "image/png")
