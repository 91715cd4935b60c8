"""OpenAI's Responses API, as far as it is asked: it is where OpenAI and xAI search the web."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from quorum_mcp.answers import Answer, Citation, Delta, ReasoningDelta, StopReason, TextDelta, Usage
from quorum_mcp.codec import encode
from quorum_mcp.errors import Unsupported
from quorum_mcp.messages import (
    Document,
    Image,
    Message,
    ModelRequest,
    Part,
    Reasoning,
    Text,
    ToolResult,
    ToolUse,
)
from quorum_mcp.providers.assemble import Assembler, unknown_content
from quorum_mcp.providers.bodies import data_url, error_of, parse
from quorum_mcp.providers.sse import Event
from quorum_mcp.providers.wire import Call, Dialect

Json = dict[str, Any]


def responses_call(request: ModelRequest, dialect: Dialect, *, stream: bool) -> Call:
    """The request for one response with web search. Raises `Unsupported` for what this API does not take."""
    for name in ("seed", "stop", "extra"):
        if getattr(request, name):
            raise Unsupported(f"this provider takes no {name} together with web search")
    body: Json = {
        "model": request.model,
        "input": [
            item for message in request.messages for item in _items(message, documents=dialect.documents)
        ],
        "stream": stream,
        "store": False,
        "tools": [*_tools(request), {"type": "web_search"}],
    }
    if dialect.search_bound:
        body["max_tool_calls"] = request.searches
    for name, value in (
        ("max_output_tokens", request.max_tokens),
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("parallel_tool_calls", request.parallel_tools),
    ):
        if value is not None:
            body[name] = value
    choice = request.tool_choice
    if choice.mode != "auto":
        named = {"type": "function", "name": choice.name}
        body["tool_choice"] = named if choice.mode == "named" else choice.mode
    if request.reasoning_effort is not None:
        body["reasoning"] = {"effort": request.reasoning_effort}
    if request.format is not None:
        body["text"] = {"format": _format(request)}
    return Call("POST", "/responses", encode(body))


def _tools(request: ModelRequest) -> list[Json]:
    return [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
        | {"strict": tool.strict}
        for tool in request.tools
    ]


def _format(request: ModelRequest) -> Json:
    assert request.format is not None
    if request.format.schema is None:
        return {"type": "json_object"}
    wanted = request.format
    return {"type": "json_schema", "name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}


def _items(message: Message, *, documents: bool) -> list[Json]:
    """One message as items: its text and images are one, each call of a tool and each result another."""
    content: list[Json] = []
    items: list[Json] = []
    for part in message.parts:
        if isinstance(part, ToolUse):
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            items.append({"type": "function_call"} | call)
        elif isinstance(part, ToolResult):
            items.append({"type": "function_call_output", "call_id": part.id, "output": _text(part.parts)})
        else:
            content.append(_content(part, said=message.role == "assistant", documents=documents))
    return [{"role": message.role, "content": content}, *items] if content else items


def _content(part: Part, *, said: bool, documents: bool) -> Json:
    if isinstance(part, Text):
        return {"type": "output_text" if said else "input_text", "text": part.text}
    if isinstance(part, Image):
        url = part.url if part.data is None else f"data:{part.media_type or 'image/png'};base64,{part.data}"
        return {"type": "input_image", "image_url": url}
    if isinstance(part, Document) and documents:
        return {"type": "input_file", "filename": part.name, "file_data": data_url(part)}
    raise Unsupported(
        "this provider takes no reasoning back together with web search"
        if isinstance(part, Reasoning)
        else f"a {type(part).__name__} part cannot stand in this message"
    )


def _text(parts: Sequence[Text | Image]) -> str:
    if any(isinstance(piece, Image) for piece in parts):
        raise Unsupported("this wire takes only text as a tool's result")
    return "".join(piece.text for piece in parts if isinstance(piece, Text))


class _Details(Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None

    def usage(self, searches: int) -> Usage:
        given, made = self.input_tokens_details or _Details(), self.output_tokens_details or _Details()
        return Usage(
            input=self.input_tokens,
            output=self.output_tokens,
            cached=given.cached_tokens or 0,
            reasoning=made.reasoning_tokens or 0,
            searches=searches,
        )


class _Content(Struct):
    type: str
    text: str = ""
    refusal: str = ""
    annotations: list[Json] = field(default_factory=list)


class _Action(Struct):
    type: str = "search"


class _Item(Struct):
    type: str
    content: list[_Content] | None = None
    summary: list[_Content] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    action: _Action | None = None


class _Incomplete(Struct):
    reason: str | None = None


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    status: str = "completed"
    output: list[_Item] = field(default_factory=list)
    usage: _Usage | None = None
    error: Any = None
    incomplete_details: _Incomplete | None = None


class _Event(Struct):
    type: str = ""
    delta: Any = None
    response: _Response | None = None
    error: Any = None
    message: str | None = None


class ResponsesReader:
    """One response. A stream's last event holds all of it, so that both are read alike."""

    def __init__(self) -> None:
        self.ended = False
        self._assembler = Assembler(grouped=True)
        self._streamed = False

    def whole(self, body: bytes) -> list[Delta]:
        """A whole response."""
        return self._take(parse(body, _Response))

    def event(self, event: Event) -> list[Delta]:
        """One event; those that only tell of progress are skipped."""
        value = parse(event.data, _Event)
        if value.type == "error":
            raise error_of(value.error or value.message or "the stream ended in an error")
        if value.type in ("response.output_text.delta", "response.refusal.delta"):
            self._streamed = True
            return [TextDelta(str(value.delta))]
        if value.type == "response.reasoning_summary_text.delta":
            return [ReasoningDelta(str(value.delta))]
        if value.response is None or value.type.rpartition(".")[2] not in (
            "completed",
            "incomplete",
            "failed",
        ):
            return []
        self.ended = True
        deltas = self._take(value.response)
        shown = (TextDelta, ReasoningDelta) if self._streamed else ReasoningDelta
        return [delta for delta in deltas if not isinstance(delta, shown)]

    def finish(self) -> Answer:
        """The response."""
        return self._assembler.finish()

    def _take(self, response: _Response) -> list[Delta]:
        if response.error is not None or response.status == "failed":
            raise error_of(response.error or "the response failed")
        assembler, deltas, searches = self._assembler, list[Delta](), 0
        assembler.id, assembler.model = response.id, response.model or ""
        assembler.stop = _stop(response)
        for item in response.output:
            if item.type == "message":
                for part in item.content or ():
                    deltas += self._content(part)
            elif item.type == "reasoning":
                deltas += assembler.reasoning("".join(part.text for part in item.summary or ()))
            elif item.type == "function_call":
                deltas += assembler.tool(
                    assembler.tools, id=item.call_id, name=item.name, arguments=item.arguments or ""
                )
            elif item.type == "web_search_call":
                searches += (item.action or _Action()).type == "search"
            else:
                raise unknown_content(item.type)
        if response.usage is not None:
            assembler.usage = response.usage.usage(searches)
        return deltas

    def _content(self, part: _Content) -> list[Delta]:
        assembler = self._assembler
        if part.type == "refusal":
            assembler.stop = "content_filter"
            return assembler.text(part.refusal)
        if part.type != "output_text":
            raise unknown_content(part.type)
        for note in part.annotations:
            cite(assembler, note, offset=assembler.length)
        return assembler.text(part.text)


def cite(assembler: Assembler, note: Json, offset: int = 0) -> None:
    """Keep an annotation that cites a page; `offset` is where the text begins that its positions count in."""
    if note.get("type") != "url_citation":
        return
    cited: Json = note.get("url_citation") or note  # chat completions put the fields one level down
    start, end = cited.get("start_index"), cited.get("end_index")
    place: tuple[int, int] | None = None
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end:
        place = (offset + start, offset + end)
    assembler.cite(
        Citation(
            str(cited.get("url") or ""),
            str(cited.get("title") or ""),
            str(cited.get("content") or ""),
            *(place or (None, None)),
        )
    )


def _stop(response: _Response) -> StopReason:
    if response.status != "incomplete":
        return "stop"
    reason = (response.incomplete_details or _Incomplete()).reason
    return "content_filter" if reason == "content_filter" else "length"
