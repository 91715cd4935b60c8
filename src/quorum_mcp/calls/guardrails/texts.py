"""The texts of a request and of an answer: what a guardrail is shown, and where what it rewrites goes."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, structs

from quorum_mcp import codec
from quorum_mcp.answers import Answer, Citation
from quorum_mcp.messages import (
    Audio,
    Document,
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)
from quorum_mcp.tasks import Embed


class Piece(Struct, frozen=True, omit_defaults=True):
    """One text. `kind` is what it is part of; `role` is that of its message."""

    kind: str
    text: str
    role: str | None = None


class Unfit(Exception):
    """What the guardrail put in place of a text does not fit there."""


Change = Callable[[Piece], str]


def texts_of(request: ModelRequest) -> list[Piece]:
    """Everything in a request that is text, in one order."""
    found: list[Piece] = []
    _request(request, lambda piece: found.append(piece) or piece.text)
    return found


def with_texts(request: ModelRequest, texts: Sequence[str]) -> ModelRequest:
    """The request with other texts in the same places. Raises `Unfit`."""
    return _request(request, _taking(texts))


def texts_of_answer(answer: Answer) -> list[Piece]:
    """Everything in an answer that is text, in one order."""
    found: list[Piece] = []
    _parts(answer.parts, None, lambda piece: found.append(piece) or piece.text)
    return [*found, *texts_of_citations(answer)]


def answer_with(answer: Answer, texts: Sequence[str]) -> Answer:
    """The answer with other texts in the same places."""
    change = _taking(texts)
    parts = _parts(answer.parts, None, change)
    cited = structs.replace(answer, citations=_citations(answer, change))
    return with_parts(cited, parts)


def texts_of_citations(answer: Answer) -> list[Piece]:
    """What stands in the pages that an answer cites."""
    found: list[Piece] = []
    _citations(answer, lambda piece: found.append(piece) or piece.text)
    return found


def with_citations(answer: Answer, texts: Sequence[str]) -> Answer:
    """The answer with other texts of the pages that it cites."""
    return structs.replace(answer, citations=_citations(answer, _taking(texts)))


def with_parts(answer: Answer, parts: tuple[Part, ...]) -> Answer:
    """The answer with other parts, without what was about the ones before: where citations stand, a vendor's words."""
    if parts == answer.parts:
        return answer
    citations = tuple(structs.replace(one, start=None, end=None) for one in answer.citations)
    return structs.replace(answer, parts=parts, citations=citations, native=None)


def images_of(request: ModelRequest) -> int:
    """How many images, sounds, documents and inputs of tokens a request holds, which a guardrail is not shown."""
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    tokens = len(request.task.tokens) if isinstance(request.task, Embed) else 0
    return tokens + sum(isinstance(part, Image | Audio | Document) for part in parts)


def _taking(texts: Sequence[str]) -> Change:
    left = iter(texts)
    return lambda _: next(left)


def _request(request: ModelRequest, change: Change) -> ModelRequest:
    return structs.replace(
        request,
        messages=tuple(Message(one.role, _parts(one.parts, one.role, change)) for one in request.messages),
        tools=tuple(_tool(tool, change) for tool in request.tools),
        format=None if request.format is None else _format(request.format, change),
        extra=None if request.extra is None else _extra(request.extra, change),
    )


def _parts(parts: Sequence[Part], role: str | None, change: Change) -> tuple[Part, ...]:
    return tuple(_part(part, role, change) for part in parts)


def _part(part: Part, role: str | None, change: Change) -> Part:
    match part:
        case Text():
            return Text(_text("text", part.text, role, change))
        case Reasoning():
            text = _text("reasoning", part.text, role, change)
            return part if text == part.text else Reasoning(text)  # its signature was over the other text
        case ToolUse():
            arguments = _text("tool_arguments", part.arguments, role, change)
            if role is not None and arguments != part.arguments:  # some wires send them as an object
                _object(arguments, "tool_arguments")
            return structs.replace(part, arguments=arguments)
        case ToolResult():
            inner = tuple(
                Text(_text("tool_result", one.text, role, change)) if isinstance(one, Text) else one
                for one in part.parts
            )
            return structs.replace(part, parts=inner)
        case Image() | Audio() | Document():
            return part


def _citations(answer: Answer, change: Change) -> tuple[Citation, ...]:
    return tuple(
        structs.replace(
            one,
            title=_text("citation", one.title, None, change),
            quote=_text("citation", one.quote, None, change),
        )
        for one in answer.citations
    )


def _tool(tool: Tool, change: Change) -> Tool:
    description = _text("tool_description", tool.description, None, change)
    return structs.replace(tool, description=description, schema=_json("tool_schema", tool.schema, change))


def _format(given: JsonFormat, change: Change) -> JsonFormat:
    if given.schema is None:
        return given
    return structs.replace(given, schema=_json("answer_schema", given.schema, change))


def _extra(given: Extra, change: Change) -> Extra:
    """The fields of one vendor's API; they are shown as JSON, because nobody here knows which of them are texts."""
    return structs.replace(given, fields=_json("fields", given.fields, change))


def _json(kind: str, value: dict[str, Any], change: Change) -> dict[str, Any]:
    if not value:
        return value
    text = codec.encode_text(value)
    changed = change(Piece(kind, text))
    return value if changed == text else _object(changed, kind)


def _text(kind: str, text: str, role: str | None, change: Change) -> str:
    return change(Piece(kind, text, role)) if text else text


def _object(text: str, kind: str) -> dict[str, Any]:
    try:
        value = codec.decode(text)
    except codec.JSONError:
        raise Unfit(f"{kind}: what it wrote is no JSON") from None
    if not isinstance(value, dict):
        raise Unfit(f"{kind}: what it wrote is no JSON object")
    return value
