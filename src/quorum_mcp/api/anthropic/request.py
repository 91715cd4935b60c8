"""A message as Anthropic's clients ask for it, read into our own request; what has no equivalent is refused by name."""

from typing import Any

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.api.reading import json_of, only, text_of
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
    message,
)

Json = dict[str, Any]
PASSED_ON = ("metadata", "thinking", "top_k")
"""Fields that a provider of the same wire gets as they are."""
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


class MessageRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/messages` (and of `count_tokens`, which has no `max_tokens`)."""

    model: str
    messages: list[Json]
    max_tokens: int | None = None
    system: str | list[Json] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[Json] | None = None
    tool_choice: Json | None = None
    metadata: Json | None = None
    thinking: Json | None = None
    output_config: Json | None = None


def read(body: bytes) -> MessageRequest:
    """The body's fields; errors as `json_of`."""
    return json_of(body, MessageRequest, "Anthropic's messages")


def translate(asked: MessageRequest) -> ModelRequest:
    """The request for a model; its name stays empty.

    Raises:
        Unsupported: something in it has no equivalent; nothing is dropped.
        InvalidInput: a message or a tool is not of Anthropic's form.
    """
    if not asked.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {asked.max_tokens}")
    choice, parallel = _choice(asked.tool_choice)
    tools = asked.tools or []
    extra = {name: value for name in PASSED_ON if (value := getattr(asked, name)) is not None}
    if extra.get("thinking") == {"type": "disabled"}:
        del extra["thinking"]
    turns: list[Message] = []
    for n, one in enumerate(asked.messages):
        turns += _turn(one, f"messages[{n}]")
    return ModelRequest(
        "",
        (*_system(asked.system), *turns),
        tools=tuple(_tool(one, f"tools[{n}]") for n, one in enumerate(tools) if not _searches(one)),
        searches=sum(_most_searches(one, f"tools[{n}]") for n, one in enumerate(tools) if _searches(one)),
        tool_choice=choice,
        parallel_tools=parallel,
        format=_format(asked.output_config),
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        stop=tuple(asked.stop_sequences or ()),
        extra=Extra("anthropic", extra) if extra else None,
    )


def _system(given: str | list[Json] | None) -> tuple[Message, ...]:
    if not given:
        return ()
    if isinstance(given, str):
        return (message("system", given),)
    parts = tuple(Text(text_of(block, "text", f"system[{n}]")) for n, block in enumerate(given))
    return (Message("system", parts),)


def _turn(given: Json, where: str) -> list[Message]:
    """The turn; results of tools, which stand in the user's turns there, become turns of their own."""
    role = ROLES.get(str(given.get("role")))
    if role is None:
        raise InvalidInput(f"{where}.role: {given.get('role')!r} is not a role", hint="user or assistant")
    only(given, {"role", "content"}, where)
    content = given.get("content")
    if isinstance(content, str):
        return [message(role, content)]
    if not isinstance(content, list):
        raise InvalidInput(f"{where}.content is neither text nor a list of blocks")
    parts = [_block(block, f"{where}.content[{n}]") for n, block in enumerate(content)]
    results = tuple(part for part in parts if isinstance(part, ToolResult))
    others = tuple(part for part in parts if not isinstance(part, ToolResult))
    turns = [Message("tool", results)] if results else []
    return [*turns, Message(role, others)] if others or not results else turns


def _block(block: Any, where: str) -> Part:
    if not isinstance(block, dict):
        raise InvalidInput(f"{where} is not a block")
    kind = block.get("type")
    match kind:
        case "text":
            return Text(text_of(block, "text", where))
        case "image":
            return _image(block.get("source"), where)
        case "thinking":
            return Reasoning(text_of(block, "thinking", where), signature=block.get("signature"))
        case "redacted_thinking":
            return Reasoning("", opaque=text_of(block, "data", where))
        case "tool_use":
            arguments = codec.encode_text(block.get("input") or {})
            return ToolUse(text_of(block, "id", where), text_of(block, "name", where), arguments)
        case "tool_result":
            return _result(block, where)
        case _:
            raise Unsupported(
                f"{where}: blocks of type {kind!r} are not supported",
                hint="text, image, thinking, tool_use and tool_result are",
            )


def _result(block: Json, where: str) -> ToolResult:
    content = block.get("content") or ""
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),)
    else:
        parts = tuple(_block(piece, f"{where}.content[{n}]") for n, piece in enumerate(content))
    shown = tuple(part for part in parts if isinstance(part, Text | Image))
    if len(shown) != len(parts):
        raise Unsupported(f"{where}: a tool's result holds only text and images")
    return ToolResult(text_of(block, "tool_use_id", where), shown, is_error=bool(block.get("is_error")))


def _image(source: Any, where: str) -> Image:
    kind = source.get("type") if isinstance(source, dict) else None
    if kind == "base64":
        return Image(text_of(source, "media_type", where), text_of(source, "data", where))
    if kind == "url":
        return Image(url=text_of(source, "url", where))
    raise Unsupported(f"{where}.source of type {kind!r} is not supported", hint="base64 and url are")


def _searches(tool: Json) -> bool:
    """Whether it is Anthropic's own web search, of whichever edition."""
    return str(tool.get("type")).startswith("web_search_")


def _most_searches(tool: Json, where: str) -> int:
    only(tool, {"type", "name", "max_uses", "cache_control"}, where)
    most = tool.get("max_uses")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise InvalidInput(f"{where}.max_uses must be at least 1")
    return most or SEARCHES


def _tool(given: Json, where: str) -> Tool:
    if given.get("type") not in (None, "custom"):
        raise Unsupported(
            f"{where}: tools of type {given.get('type')!r} are not supported", hint="your own are"
        )
    only(given, {"type", "name", "description", "input_schema", "strict", "cache_control"}, where)
    schema = given.get("input_schema")
    if not isinstance(schema, dict):
        raise InvalidInput(f"{where}.input_schema is no JSON Schema")
    return Tool(
        text_of(given, "name", where), str(given.get("description") or ""), schema, bool(given.get("strict"))
    )


def _choice(given: Json | None) -> tuple[ToolChoice, bool | None]:
    if given is None:
        return ToolChoice(), None
    parallel = False if given.get("disable_parallel_tool_use") else None
    match given.get("type"):
        case "auto":
            return ToolChoice(), parallel
        case "any":
            return ToolChoice("required"), parallel
        case "none":
            return ToolChoice("none"), parallel
        case "tool":
            return ToolChoice("named", text_of(given, "name", "tool_choice")), parallel
        case other:
            raise InvalidInput(f"tool_choice.type: {other!r} is not known", hint="auto, any, tool or none")


def _format(given: Json | None) -> JsonFormat | None:
    if not given:
        return None
    only(given, {"format"}, "output_config")
    wanted = given.get("format") or {}
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        raise Unsupported("output_config.format: only json_schema is supported")
    return JsonFormat(wanted["schema"])
