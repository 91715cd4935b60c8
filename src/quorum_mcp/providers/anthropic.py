"""The Anthropic wire: the Messages API."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from quorum_mcp.answers import Answer, Citation, Delta, ModelInfo, StopReason, Usage
from quorum_mcp.codec import encode, encode_text
from quorum_mcp.errors import ProviderError, Unsupported
from quorum_mcp.messages import Audio, Document, Image, Message, ModelRequest, Part, Reasoning, Text, ToolUse
from quorum_mcp.providers.assemble import Assembler, unknown_content
from quorum_mcp.providers.bodies import arguments, error_of, failure, model_info, parse, system_text, url_of
from quorum_mcp.providers.sse import Event
from quorum_mcp.providers.wire import Call, Dialect
from quorum_mcp.tasks import TaskName

Json = dict[str, Any]

VERSION = "2023-06-01"
COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
"""The fields of a message that its tokens are counted of."""

STOPS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_use",
    "refusal": "content_filter",
}
_SEARCHING = ("server_tool_use", "web_search_tool_result")
"""Blocks of a search that the provider makes itself: what of it counts stands in the text's citations."""
_CHOICES = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


class _OutputDetails(Struct):
    thinking_tokens: int | None = None


class _ServerTools(Struct):
    web_search_requests: int | None = None


class Counts(Struct):
    """What was used, as Anthropic counts it."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None

    def over(self, earlier: "Counts | None") -> "Counts":
        """These counts, and the earlier ones where these say nothing: a stream reports twice."""
        if earlier is None:
            return self
        return Counts(
            *(
                mine if (mine := getattr(self, name)) is not None else getattr(earlier, name)
                for name in self.__struct_fields__
            )
        )

    def usage(self) -> Usage:
        """As our own type; Anthropic counts cached tokens beside the input, we count them in it."""
        read, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        details = self.output_tokens_details or _OutputDetails()
        served = self.server_tool_use or _ServerTools()
        return Usage(
            input=(self.input_tokens or 0) + read + written,
            output=self.output_tokens or 0,
            cached=read,
            cache_write=written,
            reasoning=details.thinking_tokens or 0,
            searches=served.web_search_requests or 0,
        )


class _Cited(Struct):
    type: str = ""
    url: str = ""
    title: str | None = None
    cited_text: str = ""


class _Block(Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    citations: list[_Cited] | None = None


class _Delta(Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    citation: _Cited | None = None


class _Message(Struct):
    id: str | None = None
    model: str | None = None
    content: list[_Block] = field(default_factory=list)
    stop_reason: str | None = None
    usage: Counts | None = None
    error: Any = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: Counts | None = None
    error: Any = None


class _Models(Struct):
    data: list[Json]


class _Count(Struct):
    input_tokens: int


class AnthropicWire:
    """Anthropic's Messages API."""

    name = "anthropic"
    framing: Literal["sse", "ndjson"] = "sse"
    auth = "header x-api-key"
    tasks: frozenset[TaskName] = frozenset({"token counts"})
    also: frozenset[str] = frozenset({"top_k"})

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect or Dialect()

    def chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The request for one message."""
        return _call("POST", "/v1/messages", self._body(request) | {"stream": stream})

    def _body(self, request: ModelRequest) -> Json:
        if request.seed is not None:
            raise Unsupported("Anthropic takes no seed")
        body: Json = {
            "model": request.model,
            "messages": _messages(request.messages),
            "max_tokens": request.max_tokens or self.dialect.max_tokens,
        }
        if system := system_text(request.messages):
            body["system"] = system
        for name in ("temperature", "top_p"):
            if (value := getattr(request, name)) is not None:
                body[name] = value
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        _tools(body, request)
        if request.format is not None:
            if request.format.schema is None:
                raise Unsupported("Anthropic can be held to JSON only by a schema")
            body["output_config"] = {"format": {"type": "json_schema", "schema": request.format.schema}}
        if request.reasoning_effort is not None:
            self._effort(body, request.model, request.reasoning_effort)
        if request.extra is not None:
            body.update(request.extra.fields)
        return body

    def reader(self, request: ModelRequest) -> "AnthropicReader":
        """A reader for one message."""
        return AnthropicReader(searching=request.searches > 0)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The typed error of an answer that is not a success."""
        return failure(status, headers, body)

    def task(self, request: ModelRequest) -> Call:
        """The request that counts tokens: that of a message, without what only an answer needs."""
        body = {name: value for name, value in self._body(request).items() if name in COUNTED}
        return _call("POST", "/v1/messages/count_tokens", body)

    def done(self, request: ModelRequest, body: bytes, media_type: str) -> Answer:  # noqa: ARG002
        """The count, which costs nothing."""
        tokens = parse(body, _Count).input_tokens
        return Answer((), "stop", Usage(cost=0), request.model, native={"tokens": tokens})

    def list_models(self) -> Call:
        """The request for the list of models, in one page."""
        return _call("GET", "/v1/models?limit=1000", None)

    def models(self, body: bytes) -> tuple[ModelInfo, ...]:
        """The models with their sizes."""
        return tuple(model_info(row) for row in parse(body, _Models).data)

    def _effort(self, body: Json, model: str, effort: str) -> None:
        if effort == "none":
            body["thinking"] = {"type": "disabled"}
            return
        if (budget := self.dialect.budget(model, effort)) is not None:
            # The answer itself needs room below the same cap.
            budget = min(budget, body["max_tokens"] // 2)
            if budget < 1024:
                raise Unsupported(f"{model} reasons only with max_tokens of 2048 or more")
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
            return
        if effort == "minimal":
            raise Unsupported(f"{model} has no reasoning effort 'minimal'")
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
        body.setdefault("output_config", {})["effort"] = effort


def _call(method: Literal["GET", "POST"], path: str, body: Json | None) -> Call:
    return Call(method, path, b"" if body is None else encode(body), {"anthropic-version": VERSION})


def _tools(body: Json, request: ModelRequest) -> None:
    if request.searches:
        # The edition of the tool that every model with search takes, and that runs no code.
        body["tools"] = [{"type": "web_search_20250305", "name": "web_search", "max_uses": request.searches}]
    if not request.tools:
        return
    body["tools"] = body.get("tools", []) + [
        {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
        | ({"strict": True} if tool.strict else {})
        for tool in request.tools
    ]
    choice: Json = {"type": _CHOICES[request.tool_choice.mode]}
    if request.tool_choice.mode == "named":
        choice["name"] = request.tool_choice.name
    if request.parallel_tools is False and request.tool_choice.mode != "none":
        choice["disable_parallel_tool_use"] = True
    if choice != {"type": "auto"}:
        body["tool_choice"] = choice


def _messages(messages: Sequence[Message]) -> list[Json]:
    """The turns without the system's; the results of tools are the user's, all of one turn together."""
    out: list[Json] = []
    after_tool = False
    for message in messages:
        if message.role == "system":
            continue
        content = [_block(part) for part in message.parts]
        if after_tool and message.role in ("tool", "user"):
            out[-1]["content"] += content
        else:
            out.append({"role": "assistant" if message.role == "assistant" else "user", "content": content})
        after_tool = message.role == "tool"
    return out


def _block(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part)}
    if isinstance(part, ToolUse):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments(part)}
    if isinstance(part, Reasoning):
        if part.opaque and not part.text:
            return {"type": "redacted_thinking", "data": part.opaque}
        if not part.signature:
            raise Unsupported("Anthropic takes reasoning back only with its own signature")
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, Audio):
        raise Unsupported("Anthropic takes no audio")
    if isinstance(part, Document):
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
        return {"type": "document", "source": source, "title": part.name}
    result: Json = {
        "type": "tool_result",
        "tool_use_id": part.id,
        "content": [_block(piece) for piece in part.parts],
    }
    if part.is_error:
        result["is_error"] = True
    return result


def _source(image: Image) -> Json:
    if image.detail is not None:
        raise Unsupported("Anthropic takes no detail of an image")
    if image.data is not None:
        return {"type": "base64", "media_type": image.media_type or "image/png", "data": image.data}
    return {"type": "url", "url": url_of(image)}


class AnthropicReader:
    """One message, whole or as events about its numbered blocks."""

    def __init__(self, *, searching: bool = False) -> None:
        self.ended = False
        self._assembler = Assembler()
        self._searching = searching
        self._usage: Counts | None = None
        self._searches: set[int] = set()

    def whole(self, body: bytes) -> list[Delta]:
        """A whole message."""
        message = parse(body, _Message)
        if message.error is not None:
            raise error_of(message.error)
        self._head(message)
        deltas: list[Delta] = []
        for index, block in enumerate(message.content):
            deltas += self._block(index, block)
            if block.type == "tool_use":
                deltas += self._assembler.tool(index, arguments=encode_text(block.input or {}))
        self._stop(message.stop_reason)
        return deltas

    def event(self, event: Event) -> list[Delta]:
        """One event; types that are not known yet are skipped, as the API's versioning asks."""
        value = parse(event.data, _Event)
        if value.type == "error" or value.error is not None:
            raise error_of(value.error or "the stream ended in an error")
        if value.type == "content_block_delta" and value.delta is not None:
            return self._delta(value.index, value.delta)
        if value.type == "content_block_start" and value.content_block is not None:
            return self._block(value.index, value.content_block)
        if value.type == "message_start" and value.message is not None:
            self._head(value.message)
        elif value.type == "message_delta":
            self._count(value.usage)
            self._stop(value.delta.stop_reason if value.delta else None)
        elif value.type == "message_stop":
            self.ended = True
        return []

    def finish(self) -> Answer:
        """The message."""
        return self._assembler.finish()

    def _head(self, message: _Message) -> None:
        self._assembler.id = message.id
        self._assembler.model = message.model or ""
        self._count(message.usage)

    def _count(self, usage: Counts | None) -> None:
        if usage is not None:
            self._usage = usage.over(self._usage)
            self._assembler.usage = self._usage.usage()

    def _stop(self, reason: str | None) -> None:
        if reason is not None:
            self._assembler.stop = STOPS.get(reason, "other")

    def _block(self, index: int, block: _Block) -> list[Delta]:
        assembler = self._assembler
        if block.type == "text":
            for cited in block.citations or ():
                self._cite(index, cited)
            return assembler.text(block.text or "", key=index)
        if block.type == "thinking":
            return assembler.reasoning(block.thinking or "", signature=block.signature, key=index)
        if block.type == "redacted_thinking":
            return assembler.reasoning("", opaque=block.data, key=index)
        if block.type == "tool_use":
            return assembler.tool(index, id=block.id, name=block.name)
        if self._searching and block.type in _SEARCHING:
            self._searches.add(index)
            return []
        raise unknown_content(block.type)

    def _cite(self, index: int, cited: _Cited) -> None:
        self._assembler.cite(Citation(cited.url, cited.title or "", cited.cited_text), key=index)

    def _delta(self, index: int, delta: _Delta) -> list[Delta]:
        assembler = self._assembler
        if delta.type == "text_delta":
            return assembler.text(delta.text or "", key=index)
        if delta.type == "thinking_delta":
            return assembler.reasoning(delta.thinking or "", key=index)
        if delta.type == "signature_delta":
            return assembler.reasoning("", signature=delta.signature, key=index)
        if delta.type == "citations_delta" and delta.citation is not None:
            self._cite(index, delta.citation)
            return []
        if delta.type == "input_json_delta" and index in self._searches:
            return []
        if delta.type == "input_json_delta":
            return assembler.tool(index, arguments=delta.partial_json or "")
        raise unknown_content(delta.type)
