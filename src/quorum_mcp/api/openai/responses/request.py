"""A response as OpenAI's clients ask for it, read into our own request; what has no equivalent is refused by name."""

from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.openai.request import data_url
from quorum_mcp.api.reading import json_of, object_of, only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import (
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
ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}


class ResponseRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/responses`: every field that is understood, in OpenAI's words."""

    model: str
    input: str | list[Json]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    stream_options: Json | None = None
    store: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    text: Json | None = None
    reasoning: Json | None = None
    metadata: dict[str, str] | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    background: bool | None = None
    user: str | None = None


def read(body: bytes) -> ResponseRequest:
    """The body's fields; errors as `json_of`, and `Unsupported` for what cannot be done."""
    asked = json_of(body, ResponseRequest, "OpenAI's responses")
    for name, refused in (
        ("background", bool(asked.background)),
        ("include", bool(asked.include)),
        ("truncation", asked.truncation == "auto"),
    ):
        if refused:
            raise Unsupported(f"{name}={getattr(asked, name)!r} is not supported", hint=f"leave {name} out")
    if asked.max_output_tokens is not None and asked.max_output_tokens < 1:
        raise InvalidInput(f"max_output_tokens must be at least 1, not {asked.max_output_tokens}")
    if not asked.input:
        raise InvalidInput("input is empty", hint="send a text, or at least one item")
    return asked


def items(asked: ResponseRequest) -> list[Json]:
    """The input as items."""
    if isinstance(asked.input, str):
        return [{"type": "message", "role": "user", "content": asked.input}]
    return asked.input


def translate(asked: ResponseRequest, earlier: list[Json]) -> ModelRequest:
    """The request for a model; its name stays empty. `earlier` are the items of the responses before."""
    turns = [message("system", asked.instructions)] if asked.instructions else []
    for n, item in enumerate([*earlier, *items(asked)]):
        _add(turns, _turn(item, f"input[{n - len(earlier)}]"))
    effort = (asked.reasoning or {}).get("effort")
    only(asked.reasoning or {}, {"effort", "summary"}, "reasoning")
    if effort not in (None, "none", "minimal", "low", "medium", "high"):
        raise InvalidInput(
            f"reasoning.effort: {effort!r} is not known", hint="none, minimal, low, medium or high"
        )
    return ModelRequest(
        "",
        tuple(turns),
        tools=tuple(_tool(one, f"tools[{n}]") for n, one in enumerate(asked.tools or ())),
        tool_choice=_choice(asked.tool_choice),
        parallel_tools=asked.parallel_tool_calls,
        format=_format(asked.text or {}),
        max_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        reasoning_effort=effort,
    )


def _add(turns: list[Message], turn: Message) -> None:
    """A model's items of one answer, and the results of its tools, are one turn each."""
    if turns and turns[-1].role == turn.role and turn.role in ("assistant", "tool"):
        turns[-1] = Message(turn.role, (*turns[-1].parts, *turn.parts))
    else:
        turns.append(turn)


def _turn(item: Json, where: str) -> Message:
    match item.get("type", "message"):
        case "message":
            role = ROLES.get(str(item.get("role")))
            if role is None:
                raise InvalidInput(f"{where}.role: {item.get('role')!r} is not a role")
            return Message(role, _parts(item.get("content"), f"{where}.content"))
        case "function_call":
            name, called = text_of(item, "name", where), text_of(item, "call_id", where)
            return Message("assistant", (ToolUse(called, name, str(item.get("arguments") or "{}")),))
        case "function_call_output":
            shown = _parts(item.get("output"), f"{where}.output")
            pieces = tuple(part for part in shown if isinstance(part, Text | Image))
            return Message("tool", (ToolResult(text_of(item, "call_id", where), pieces),))
        case "reasoning":
            texts = [
                str(one.get("text") or "")
                for one in (*(item.get("summary") or ()), *(item.get("content") or ()))
            ]
            return Message("assistant", (Reasoning("\n".join(texts)),))
        case kind:
            raise Unsupported(
                f"{where}: items of type {kind!r} are not supported", hint="messages and functions are"
            )


def _parts(content: Any, where: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        raise InvalidInput(f"{where} is neither text nor a list of parts")
    return tuple(_part(part, f"{where}[{n}]") for n, part in enumerate(content))


def _part(part: Any, where: str) -> Part:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text", "text"):
        return Text(text_of(part, "text", where))
    if kind == "refusal":
        return Text(text_of(part, "refusal", where))
    if kind == "input_image" and part.get("detail") in (None, "auto"):
        return data_url(text_of(part, "image_url", where), where)
    raise Unsupported(
        f"{where}: parts of type {kind!r} are not supported", hint="input_text and input_image are"
    )


def _tool(given: Json, where: str) -> Tool:
    if given.get("type") != "function":
        raise Unsupported(
            f"{where}: tools of type {given.get('type')!r} are not supported", hint="function tools are"
        )
    only(given, {"type", "name", "description", "parameters", "strict"}, where)
    schema = object_of(given, "parameters") or {"type": "object", "properties": {}}
    return Tool(
        text_of(given, "name", where), str(given.get("description") or ""), schema, bool(given.get("strict"))
    )


def _choice(given: str | Json | None) -> ToolChoice:
    if given is None:
        return ToolChoice()
    if isinstance(given, str):
        if given not in ("auto", "none", "required"):
            raise InvalidInput(f"tool_choice: {given!r} is not known", hint="auto, none or required")
        return ToolChoice(given)
    if given.get("type") == "function":
        return ToolChoice("named", text_of(given, "name", "tool_choice"))
    raise Unsupported(
        f"tool_choice {given!r} is not supported", hint="auto, none, required, or a function by name"
    )


def _format(text: Json) -> JsonFormat | None:
    only(text, {"format"}, "text")
    given = object_of(text, "format")
    match given.get("type", "text"):
        case "text":
            return None
        case "json_object":
            return JsonFormat()
        case "json_schema":
            schema = object_of(given, "schema")
            return JsonFormat(schema, str(given.get("name") or "answer"), bool(given.get("strict", False)))
        case kind:
            raise Unsupported(
                f"text.format of type {kind!r} is not supported", hint="text, json_object or json_schema"
            )
