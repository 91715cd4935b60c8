"""The Ollama wire: `/api/chat`, one JSON object a line when it streams."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.answers import Answer, Delta, ModelInfo, StopReason, Usage
from quorum_mcp.codec import encode, encode_text
from quorum_mcp.errors import BadProviderAnswer, ProviderError, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import (
    PENALTIES,
    Audio,
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
from quorum_mcp.providers.assemble import NO_USAGE, Assembler, unknown_content
from quorum_mcp.providers.bodies import (
    arguments,
    error_of,
    failure,
    open_reasoning,
    parse,
    refuse_tokens,
    tool_names,
)
from quorum_mcp.providers.logprobs import Told, of_told
from quorum_mcp.providers.sse import Event
from quorum_mcp.providers.wire import Call, Dialect
from quorum_mcp.tasks import Embed, TaskName

Json = dict[str, Any]

_STOPS: dict[str, StopReason] = {"stop": "stop", "length": "length"}
_THINK: dict[str, bool | str] = {"none": False, "low": "low", "medium": "medium", "high": "high"}


class _Function(Struct):
    name: str | None = None
    arguments: Json | str | None = None


class _ToolCall(Struct):
    function: _Function
    id: str | None = None


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_ToolCall] | None = None
    images: list[Any] | None = None


class _Line(Struct):
    model: str | None = None
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    logprobs: list[Told] | None = None
    error: Any = None

    def usage(self) -> Usage:
        if self.prompt_eval_count is None and self.eval_count is None:
            return NO_USAGE
        return Usage(input=self.prompt_eval_count or 0, output=self.eval_count or 0)


class _Vectors(Struct):
    embeddings: list[tuple[float, ...]]
    model: str | None = None
    prompt_eval_count: int | None = None


class _Listed(Struct):
    name: str
    model: str | None = None


class _Models(Struct):
    models: list[_Listed]


class OllamaWire:
    """Ollama's own API."""

    name = "ollama"
    framing: Literal["sse", "ndjson"] = "ndjson"
    auth = "bearer"
    tasks: frozenset[TaskName] = frozenset({"embeddings"})
    also: frozenset[str] = PENALTIES | {"top_k"}

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect or Dialect()

    def chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The request for `/api/chat`."""
        names = tool_names(request.messages)
        messages = [line for message in request.messages for line in _messages(message, names)]
        # Unless told otherwise, Ollama silently cuts a prompt that is too long.
        body: Json = {"model": request.model, "messages": messages, "stream": stream, "truncate": False}
        options = {
            "num_predict": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed,
            "stop": list(request.stop) or None,
            **(request.extra.fields if request.extra is not None else {}),
        }
        if options := {name: value for name, value in options.items() if value is not None}:
            body["options"] = options
        if request.format is not None:
            body["format"] = request.format.schema or "json"
        if request.reasoning_effort is not None:
            if request.reasoning_effort not in _THINK:
                raise Unsupported(f"Ollama has no reasoning effort {request.reasoning_effort!r}")
            body["think"] = _THINK[request.reasoning_effort]
        if tools := _tools(request):
            body["tools"] = tools
        if request.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.logprobs}
        return Call("POST", "/api/chat", encode(body))

    def reader(self, request: ModelRequest) -> "OllamaReader":  # noqa: ARG002 - all are alike
        """A reader for one answer."""
        return OllamaReader()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The typed error of an answer that is not a success."""
        return failure(status, headers, body)

    def task(self, request: ModelRequest) -> Call:
        """The request for embeddings."""
        body: Json = {"model": request.model, "input": list(request.texts), "truncate": False}
        if isinstance(request.task, Embed):
            refuse_tokens(request.task)
            if request.task.dimensions is not None:
                body["dimensions"] = request.task.dimensions
        return Call("POST", "/api/embed", encode(body))

    def done(self, request: ModelRequest, body: bytes, media_type: str) -> Answer:  # noqa: ARG002
        """The vectors, in the order of the texts."""
        answer = parse(body, _Vectors)
        if len(answer.embeddings) != (count := len(request.texts)):
            raise BadProviderAnswer(f"{len(answer.embeddings)} vectors for {count} texts")
        tokens = answer.prompt_eval_count
        usage = NO_USAGE if tokens is None else Usage(input=tokens)
        return Answer((), "stop", usage, answer.model or "", vectors=tuple(answer.embeddings))

    def list_models(self) -> Call:
        """The request for the models that are installed."""
        return Call("GET", "/api/tags")

    def models(self, body: bytes) -> tuple[ModelInfo, ...]:
        """The models."""
        return tuple(ModelInfo(row.model or row.name, row.name) for row in parse(body, _Models).models)


def _tools(request: ModelRequest) -> list[Json]:
    choice = request.tool_choice.mode
    if choice in ("required", "named") and request.tools:
        raise Unsupported("Ollama cannot be made to call a tool")
    if request.parallel_tools is False and request.tools:
        raise Unsupported("Ollama cannot be kept from calling several tools at once")
    if choice == "none":
        return []  # a tool that is not offered is not called
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
        }
        for tool in request.tools
    ]


def _messages(message: Message, names: Mapping[str, str]) -> list[Json]:
    if message.role == "tool":
        return [_result(part, names) for part in message.parts]
    out: Json = {"role": message.role, "content": message.text}
    for part in message.parts:
        if isinstance(part, Image):
            out.setdefault("images", []).append(_image(part))
        elif isinstance(part, Reasoning):
            out["thinking"] = out.get("thinking", "") + open_reasoning(part)
        elif isinstance(part, ToolUse):
            function = {"name": part.name, "arguments": arguments(part)}
            out.setdefault("tool_calls", []).append({"id": part.id, "function": function})
        elif isinstance(part, ToolResult):
            raise Unsupported("a tool's result belongs in a tool message")
        elif isinstance(part, Audio | Document):
            raise Unsupported(f"Ollama takes no {'audio' if isinstance(part, Audio) else 'documents'}")
    return [out]


def _image(image: Image) -> str:
    if image.detail is not None:
        raise Unsupported("Ollama takes no detail of an image")
    if image.data is None:
        raise Unsupported("Ollama takes images only as data, not by URL")
    return image.data


def _result(part: Part, names: Mapping[str, str]) -> Json:
    if not isinstance(part, ToolResult):
        raise Unsupported("a tool message holds only tool results")
    text = "".join(piece.text for piece in part.parts if isinstance(piece, Text))
    # No field says that the tool failed, so the text has to.
    out: Json = {
        "role": "tool",
        "content": f"error: {text}" if part.is_error else text,
        "tool_call_id": part.id,
    }
    if name := part.name or names.get(part.id):
        out["tool_name"] = name
    if images := [_image(piece) for piece in part.parts if isinstance(piece, Image)]:
        out["images"] = images
    return out


class OllamaReader:
    """One answer: whole, or as lines of the same shape."""

    def __init__(self) -> None:
        self.ended = False
        self._assembler = Assembler(grouped=True)

    def whole(self, body: bytes) -> list[Delta]:
        """A whole answer."""
        return self._take(parse(body, _Line))

    def event(self, event: Event) -> list[Delta]:
        """One line."""
        return self._take(parse(event.data, _Line))

    def finish(self) -> Answer:
        """The answer."""
        return self._assembler.finish()

    def _take(self, line: _Line) -> list[Delta]:
        if line.error is not None:
            raise error_of(line.error)
        assembler = self._assembler
        assembler.model = assembler.model or line.model or ""
        deltas: list[Delta] = []
        if (message := line.message) is not None:
            if message.images:
                raise unknown_content("image")
            deltas += assembler.reasoning(message.thinking or "")
            assembler.likely(of_told(line.logprobs))
            deltas += assembler.text(message.content or "")
            for call in message.tool_calls or ():
                deltas += self._tool(call)
        if line.done:
            self.ended = True
            assembler.stop = _STOPS.get(line.done_reason or "stop", "other")
            assembler.usage = line.usage()
        return deltas

    def _tool(self, call: _ToolCall) -> list[Delta]:
        number = self._assembler.tools
        given = call.function.arguments
        text = given if isinstance(given, str) else encode_text(given or {})
        # Every call comes whole, and older servers give it no id.
        return self._assembler.tool(
            number, id=call.id or new_id("call"), name=call.function.name, arguments=text
        )
