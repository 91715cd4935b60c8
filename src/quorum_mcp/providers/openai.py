"""The OpenAI wire: chat completions, which most vendors and every local server speak."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.answers import Answer, Delta, ModelInfo, StopReason
from quorum_mcp.codec import decode, encode, encode_text
from quorum_mcp.errors import BadProviderAnswer, ProviderError, Unsupported
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
from quorum_mcp.providers.assemble import Assembler, unknown_content
from quorum_mcp.providers.bodies import (
    audio_format,
    data_url,
    error_of,
    failure,
    model_info,
    open_reasoning,
    parse,
    url_of,
)
from quorum_mcp.providers.logprobs import of_told
from quorum_mcp.providers.openai_shapes import Completion, CompletionMessage, Function, FunctionCall
from quorum_mcp.providers.openai_tasks import TASKS, task_answer, task_call
from quorum_mcp.providers.responses import ResponsesReader, cite, responses_call
from quorum_mcp.providers.sse import Event
from quorum_mcp.providers.wire import Call, Dialect
from quorum_mcp.tasks import TaskName

Json = dict[str, Any]

STOPS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filter",
}


class _Models(Struct):
    data: list[Json]


class OpenAIWire:
    """Chat completions, in a vendor's dialect."""

    name = "openai"
    framing: Literal["sse", "ndjson"] = "sse"
    auth = "bearer"
    prefix = ""
    """Path between the base URL and the calls; this wire's base URLs hold their version already."""
    tasks: frozenset[TaskName] = TASKS
    also: frozenset[str] = PENALTIES

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect or Dialect()
        if self.dialect.tasks is not None:
            self.tasks = self.tasks.intersection(self.dialect.tasks)

    def chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The request for chat completions."""
        if request.searches and self.dialect.search == "responses":
            return responses_call(request, self.dialect, stream=stream)
        body: Json = {"model": request.model, "messages": self._messages(request.messages), "stream": stream}
        if stream and self.dialect.stream_usage:
            body["stream_options"] = {"include_usage": True}
        if request.max_tokens is not None:
            body[self.dialect.max_tokens_field] = request.max_tokens
        for name in ("temperature", "top_p"):
            if (value := getattr(request, name)) is not None:
                body[name] = value
        if request.stop:
            body["stop"] = list(request.stop)
        if request.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.logprobs}
        self._seed(body, request)
        self._tools(body, request)
        self._format(body, request)
        self._effort(body, request)
        if request.extra is not None:
            body.update(request.extra.fields)
        return Call("POST", f"{self.prefix}/chat/completions", encode(body))

    def reader(self, request: ModelRequest) -> "OpenAIReader | ResponsesReader":
        """A reader for one completion."""
        by_responses = request.searches and self.dialect.search == "responses"
        return ResponsesReader() if by_responses else OpenAIReader()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The typed error of an answer that is not a success."""
        return failure(status, headers, body)

    def task(self, request: ModelRequest) -> Call:
        """The request of a task."""
        return task_call(request, self.prefix)

    def done(self, request: ModelRequest, body: bytes, media_type: str) -> Answer:
        """Its answer."""
        return task_answer(request, body, media_type)

    def list_models(self) -> Call:
        """The request for the list of models."""
        return Call("GET", f"{self.prefix}/models")

    def models(self, body: bytes) -> tuple[ModelInfo, ...]:
        """The models; sizes where the vendor tells them."""
        return tuple(model_info(row) for row in parse(body, _Models).data)

    def _seed(self, body: Json, request: ModelRequest) -> None:
        if request.seed is None:
            return
        if not self.dialect.seed:
            raise Unsupported("this provider takes no seed")
        body["seed"] = request.seed

    def _tools(self, body: Json, request: ModelRequest) -> None:
        if request.searches:  # what is left is OpenRouter's own tool
            body["tools"] = [{"type": "openrouter:web_search"}]
        if not request.tools:
            return
        body["tools"] = body.get("tools", []) + [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}
                | ({"strict": True} if tool.strict else {}),
            }
            for tool in request.tools
        ]
        choice = request.tool_choice
        if choice.mode == "named":
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        elif choice.mode != "auto":
            body["tool_choice"] = self._choice_word(choice.mode)
        if request.parallel_tools is not None:
            body["parallel_tool_calls"] = request.parallel_tools

    def _choice_word(self, mode: str) -> str:
        return mode

    def _format(self, body: Json, request: ModelRequest) -> None:
        if request.format is None:
            return
        if request.format.schema is None:
            body["response_format"] = {"type": "json_object"}
            return
        if self.dialect.schema != "json_schema":
            raise Unsupported("this provider cannot be held to a JSON schema")
        schema = {
            "name": request.format.name,
            "schema": request.format.schema,
            "strict": request.format.strict,
        }
        body["response_format"] = {"type": "json_schema", "json_schema": schema}

    def _effort(self, body: Json, request: ModelRequest) -> None:
        if request.reasoning_effort is None:
            return
        if self.dialect.effort == "none":
            raise Unsupported("this provider takes no reasoning effort")
        if self.dialect.effort == "reasoning":
            body["reasoning"] = {"effort": request.reasoning_effort}
        else:
            body["reasoning_effort"] = request.reasoning_effort

    def _messages(self, messages: Sequence[Message]) -> list[Json]:
        out: list[Json] = []
        for message in messages:
            if message.role == "tool":
                out += [self._result(part) for part in message.parts]
            elif message.role == "assistant":
                out.append(self._assistant(message))
            else:
                out.append({"role": message.role, "content": self._content(message.parts)})
        return out

    def _content(self, parts: Sequence[Part]) -> str | list[Json]:
        if all(isinstance(part, Text) for part in parts):
            return "".join(part.text for part in parts if isinstance(part, Text))
        return [self._piece(part) for part in parts]

    def _piece(self, part: Part) -> Json:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Image):
            detail = {} if part.detail is None else {"detail": part.detail}
            return {"type": "image_url", "image_url": {"url": self._image(part), **detail}}
        if isinstance(part, Audio):
            return self._audio(part)
        if isinstance(part, Document) and self.dialect.documents:
            return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}
        raise Unsupported(f"a {type(part).__name__} part cannot stand in this message")

    def _image(self, image: Image) -> str:
        if image.data is not None:
            return f"data:{image.media_type or 'image/png'};base64,{image.data}"
        if not self.dialect.image_urls:
            raise Unsupported("this provider takes images only as data, not by URL")
        return url_of(image)

    def _audio(self, audio: Audio) -> Json:
        return {"type": "input_audio", "input_audio": {"data": audio.data, "format": audio_format(audio)}}

    def _assistant(self, message: Message) -> Json:
        out: Json = {"role": "assistant"}
        text = [part for part in message.parts if not isinstance(part, ToolUse | Reasoning)]
        out["content"] = self._content(text) if text else None
        for part in message.parts:
            if isinstance(part, Reasoning):
                self._send_back(out, part)
        calls = [part for part in message.parts if isinstance(part, ToolUse)]
        if calls:
            out["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in calls
            ]
        return out

    def _send_back(self, out: Json, part: Reasoning) -> None:
        name = self.dialect.reasoning_field
        if not name:
            raise Unsupported("this provider takes no reasoning back in a conversation")
        if part.opaque:
            out["reasoning_details"] = [*out.get("reasoning_details", []), *decode(part.opaque)]
        if text := part.text if part.opaque else open_reasoning(part):
            out[name] = out.get(name, "") + text

    def _result(self, part: Part) -> Json:
        if not isinstance(part, ToolResult):
            raise Unsupported("a tool message holds only tool results")
        if any(isinstance(piece, Image) for piece in part.parts):
            raise Unsupported("this wire takes only text as a tool's result")
        text = "".join(piece.text for piece in part.parts if isinstance(piece, Text))
        # No field says that the tool failed, so the text has to.
        return {
            "role": "tool",
            "tool_call_id": part.id,
            "content": f"error: {text}" if part.is_error else text,
        }


class OpenAIReader:
    """One completion, whole or in chunks: both carry the same message fields."""

    def __init__(self) -> None:
        self.ended = False
        self._assembler = Assembler(grouped=True)
        self._details: list[Json] = []
        self._refused = False
        self._call_ids: dict[int, str] = {}

    def whole(self, body: bytes) -> list[Delta]:
        """A whole completion."""
        completion = parse(body, Completion)
        if completion.error is None and not completion.choices:
            raise BadProviderAnswer("the answer has no choices")
        return self._take(completion)

    def event(self, event: Event) -> list[Delta]:
        """One chunk, or the end marker."""
        data = event.data.strip()
        if data == b"[DONE]":
            self.ended = True
            return []
        return self._take(parse(data, Completion))

    def finish(self) -> Answer:
        """The answer."""
        if self._details:
            details = [dict(sorted(detail.items())) for detail in self._details]
            self._assembler.reasoning("", opaque=encode_text(details))
        if self._refused and self._assembler.stop is not None:
            self._assembler.stop = "content_filter"
        return self._assembler.finish()

    def _take(self, chunk: Completion) -> list[Delta]:
        if chunk.error is not None:
            raise error_of(chunk.error)
        assembler = self._assembler
        assembler.id = assembler.id or chunk.id
        assembler.model = assembler.model or chunk.model or ""
        if chunk.usage is not None:
            assembler.usage = chunk.usage.usage()
        deltas: list[Delta] = []
        for choice in chunk.choices or ():
            if choice.error is not None:
                raise error_of(choice.error)
            if choice.index != 0:
                raise BadProviderAnswer("the answer has more choices than were asked for")
            if choice.logprobs is not None:
                assembler.likely(of_told(choice.logprobs.content or choice.logprobs.refusal))
            if (message := choice.delta or choice.message) is not None:
                deltas += self._message(message)
            if choice.finish_reason == "error":
                raise BadProviderAnswer("the provider broke off with an error")
            if choice.finish_reason:
                assembler.stop = STOPS.get(choice.finish_reason, "other")
        return deltas

    def _message(self, message: CompletionMessage) -> list[Delta]:
        assembler = self._assembler
        for kind in ("function_call", "audio", "images"):
            if getattr(message, kind):
                raise unknown_content(kind)
        deltas = assembler.reasoning(message.reasoning_content or message.reasoning or "")
        for detail in message.reasoning_details or ():
            self._detail(detail)
        if isinstance(message.content, str):
            deltas += assembler.text(message.content)
        else:
            for piece in message.content or ():
                deltas += self._piece(piece)
        for note in message.annotations or ():
            cite(assembler, note)
        if message.refusal:
            self._refused = True
            deltas += assembler.text(message.refusal)
        for position, call in enumerate(message.tool_calls or ()):
            deltas += self._tool(position, call)
        return deltas

    def _piece(self, piece: Json) -> list[Delta]:
        kind = piece.get("type")
        if kind == "text":
            return self._assembler.text(str(piece.get("text") or ""))
        if kind == "thinking":
            value = piece.get("thinking")
            texts = [value] if isinstance(value, str) else [str(row.get("text") or "") for row in value or ()]
            return self._assembler.reasoning("".join(texts), signature=piece.get("signature"))
        raise unknown_content(kind)

    def _tool(self, position: int, call: FunctionCall) -> list[Delta]:
        if call.type not in (None, "", "function"):
            raise unknown_content(f"{call.type} tool call")
        function = call.function or Function()
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = encode_text(arguments)
        index = position if call.index is None else call.index
        # Some servers number every call 0: a new id under an old number is another call.
        first = self._call_ids.setdefault(index, call.id or "")
        key = (index, call.id) if call.id and first and call.id != first else (index, first)
        return self._assembler.tool(key, id=call.id, name=function.name, arguments=arguments)

    def _detail(self, detail: Json) -> None:
        """Sealed reasoning comes in pieces of numbered items: put together, as it comes in a whole answer."""
        last = self._details[-1] if self._details else None
        if last is None or any(last.get(name) != detail.get(name) for name in ("type", "index")):
            self._details.append(dict(detail))
            return
        for name, value in detail.items():
            if name in ("text", "summary", "data") and isinstance(value, str):
                last[name] = (last.get(name) or "") + value
            elif value is not None:
                last[name] = value
