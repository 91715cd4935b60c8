"""The items that callers send: as the turns of a conversation, and as the API lists them."""

from typing import Any

from quorum_mcp.api.openai.request import data_url, detailed
from quorum_mcp.api.openai.responses.output import text_part, unseal
from quorum_mcp.api.openai.responses.request import ResponseRequest
from quorum_mcp.api.reading import only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import Image, Message, Part, Reasoning, Role, Text, ToolResult, ToolUse

Json = dict[str, Any]
ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}
REFERENCE = "item_reference"
_EVERY = {"type", "id", "status"}
_FIELDS = {
    "message": {"role", "content", "phase"},
    "function_call": {"call_id", "name", "arguments"},
    "function_call_output": {"call_id", "output"},
    "reasoning": {"summary", "content", "encrypted_content"},
}
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}


def items(asked: ResponseRequest) -> list[Json]:
    """The input as items."""
    if isinstance(asked.input, str):
        return [{"type": "message", "role": "user", "content": asked.input}]
    return asked.input


def listed(given: list[Json], response: str) -> list[Json]:
    """Items as the API lists them: each with an id, its content as parts."""
    return [_listed(item, f"{response.removeprefix('resp_')}_in{n}") for n, item in enumerate(given)]


def resolved(given: list[Json], named: dict[str, Json]) -> list[Json]:
    """The items, with what they refer to (`named`, by id) in the place of references; unknown ones are left out."""
    found = (named.get(item["id"]) if item.get("type") == REFERENCE else item for item in given)
    return [item for item in found if item is not None]


def turns(given: list[Json], first: int = 0) -> list[Message]:
    """The turns of a conversation; errors count from `first`, as there may be items that the caller did not send."""
    found: list[Message] = []
    for n, item in enumerate(given):
        _add(found, _turn(item, f"input[{n - first}]"))
    return found


def _listed(item: Json, suffix: str) -> Json:
    kind = item.get("type", "message")
    item = {"id": f"{_PREFIXES[kind]}_{suffix}", "status": "completed"} | item | {"type": kind}
    if kind == "message" and isinstance(item.get("content"), str):
        said = text_part if item["role"] == "assistant" else _input_text
        item["content"] = [said(item["content"])]
    return item


def _input_text(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _add(found: list[Message], turn: Message) -> None:
    """A model's items of one answer, and the results of its tools, are one turn each."""
    if found and found[-1].role == turn.role and turn.role in ("assistant", "tool"):
        found[-1] = Message(turn.role, (*found[-1].parts, *turn.parts))
    else:
        found.append(turn)


def _turn(item: Json, where: str) -> Message:
    kind = str(item.get("type", "message"))
    if kind not in _FIELDS:
        raise Unsupported(
            f"{where}: items of type {kind!r} are not supported", hint="messages and functions are"
        )
    only(item, _EVERY | _FIELDS[kind], where)
    match kind:
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
        case _:
            return Message("assistant", (_reasoning(item, where),))


def _reasoning(item: Json, where: str) -> Reasoning:
    texts: list[str] = []
    for name in ("summary", "content"):
        given = item.get(name) or []
        if not isinstance(given, list):
            raise InvalidInput(f"{where}.{name} is no list of parts")
        texts += [
            text_of(one if isinstance(one, dict) else {}, "text", f"{where}.{name}[{n}]")
            for n, one in enumerate(given)
        ]
    seal = unseal(item.get("encrypted_content"), where)
    return Reasoning("\n".join(texts), seal.signature, seal.opaque)


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
    if kind == "input_image" and part.get("file_id") is None:
        return detailed(data_url(text_of(part, "image_url", where), where), part, where)
    raise Unsupported(
        f"{where}: parts of type {kind!r} are not supported",
        hint="input_text is, and input_image with image_url",
    )
