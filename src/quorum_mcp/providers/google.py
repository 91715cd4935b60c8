"""The Google wire: Gemini's generateContent, v1beta."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.answers import Answer, Delta, ModelInfo, StopReason
from quorum_mcp.codec import encode, encode_text
from quorum_mcp.errors import BadProviderAnswer, ContentFiltered, InvalidInput, ProviderError, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Audio, Document, Image, Message, ModelRequest, Part, Text, ToolResult, ToolUse
from quorum_mcp.providers.assemble import Assembler, unknown_content
from quorum_mcp.providers.bodies import (
    arguments,
    error_of,
    failure,
    model_info,
    parse,
    system_text,
    tool_names,
)
from quorum_mcp.providers.google_sampling import SAMPLING
from quorum_mcp.providers.google_shapes import AnswerPart, Candidate, Response
from quorum_mcp.providers.google_tasks import VERSION, model_path, task_answer, task_call
from quorum_mcp.providers.grounding import Grounded
from quorum_mcp.providers.logprobs import of_google
from quorum_mcp.providers.sse import Event
from quorum_mcp.providers.wire import Call, Dialect
from quorum_mcp.tasks import CountTokens, TaskName

Json = dict[str, Any]

OWN_ID = "quorumcall"
"""Prefix of the ids that we give to calls that came without one; they mean nothing to Google."""

_STOPS: dict[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "OTHER": "other",
    "CONTINUATION": "length",
}
_FILTERS = (
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
    "MODEL_ARMOR",
)
_BROKEN = (
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
)
_CHOICES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


class _Models(Struct):
    models: list[Json]


class GoogleWire:
    """The Gemini API."""

    name = "google"
    framing: Literal["sse", "ndjson"] = "sse"
    auth = "header x-goog-api-key"
    tasks: frozenset[TaskName] = frozenset({"embeddings", "images", "speech", "token counts"})
    also: frozenset[str] = frozenset(SAMPLING)

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect or Dialect()

    def chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The request for one answer."""
        path = model_path(request.model) + (
            ":streamGenerateContent?alt=sse" if stream else ":generateContent"
        )
        return Call("POST", path, encode(self._body(request)))

    def _body(self, request: ModelRequest) -> Json:
        body: Json = {"contents": _contents(request.messages)}
        if system := system_text(request.messages):
            body["systemInstruction"] = {"parts": [{"text": system}]}
        _tools(body, request)
        if config := self._config(request):
            body["generationConfig"] = config
        return body

    def reader(self, request: ModelRequest) -> "GoogleReader":
        """A reader for one answer."""
        once = any(fnmatch(request.model, pattern) for pattern in self.dialect.search_once)
        return GoogleReader(searches_once=once)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The typed error of an answer that is not a success."""
        return failure(status, headers, body)

    def task(self, request: ModelRequest) -> Call:
        """The request of a task."""
        if isinstance(request.task, CountTokens):
            counted = self._body(request) | {"model": model_path(request.model).removeprefix(VERSION)}
            path = model_path(request.model) + ":countTokens"
            return Call("POST", path, encode({"generateContentRequest": counted}))
        return task_call(request, model_path(request.model))

    def done(self, request: ModelRequest, body: bytes, media_type: str) -> Answer:  # noqa: ARG002
        """Its answer."""
        return task_answer(request, body)

    def list_models(self) -> Call:
        """The request for the list of models, in one page."""
        return Call("GET", "/v1beta/models?pageSize=1000")

    def models(self, body: bytes) -> tuple[ModelInfo, ...]:
        """The models with their sizes, by their short names."""
        rows = parse(body, _Models).models
        return tuple(model_info(row | {"name": row["name"].removeprefix("models/")}, "name") for row in rows)

    def _config(self, request: ModelRequest) -> Json:
        config: Json = {
            "maxOutputTokens": request.max_tokens,
            "temperature": request.temperature,
            "topP": request.top_p,
            "seed": request.seed,
            "stopSequences": list(request.stop) or None,
        }
        if request.extra is not None:
            config |= {SAMPLING[name]: value for name, value in request.extra.fields.items()}
        if request.logprobs is not None:
            config |= {"responseLogprobs": True, "logprobs": request.logprobs or None}
        if request.format is not None:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = request.format.schema
        if (effort := request.reasoning_effort) is not None:
            config["thinkingConfig"] = self._thinking(request.model, effort)
        return {name: value for name, value in config.items() if value is not None}

    def _thinking(self, model: str, effort: str) -> Json:
        budget = self.dialect.budget(model, effort)
        if budget is not None:
            return {"thinkingBudget": budget, "includeThoughts": budget > 0}
        if effort == "none":
            raise Unsupported(f"{model} cannot be kept from reasoning")
        return {"thinkingLevel": effort, "includeThoughts": True}


def _tools(body: Json, request: ModelRequest) -> None:
    if request.searches:
        body["tools"] = [{"googleSearch": {}}]
    if not request.tools:
        return
    if request.parallel_tools is False:
        raise Unsupported("Google cannot be kept from calling several tools at once")
    rows = [
        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
        for tool in request.tools
    ]
    body["tools"] = [*body.get("tools", ()), {"functionDeclarations": rows}]
    if request.tool_choice.mode != "auto":
        calling: Json = {"mode": _CHOICES[request.tool_choice.mode]}
        if request.tool_choice.mode == "named":
            calling["allowedFunctionNames"] = [request.tool_choice.name]
        body["toolConfig"] = {"functionCallingConfig": calling}


def _contents(messages: Sequence[Message]) -> list[Json]:
    """The turns without the system's; the results of one turn's tools stand together."""
    names = tool_names(messages)
    out: list[Json] = []
    last = ""
    for message in messages:
        if message.role == "system":
            continue
        parts: list[Json] = []
        for part in message.parts:
            _add(parts, part, names)
        if message.role == "tool" == last:
            out[-1]["parts"] += parts
        else:
            out.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
        last = message.role
    return out


def _add(parts: list[Json], part: Part, names: Mapping[str, str]) -> None:
    if isinstance(part, Text):
        parts.append({"text": part.text})
    elif isinstance(part, Image | Audio | Document):
        parts.append(_image(part) if isinstance(part, Image) else _data(part.media_type, part.data))
    elif isinstance(part, ToolUse):
        parts.append({"functionCall": _with_id({"name": part.name, "args": arguments(part)}, part.id)})
    elif isinstance(part, ToolResult):
        parts.append({"functionResponse": _result(part, names)})
    elif part.opaque:
        raise Unsupported("Google cannot take another vendor's sealed reasoning")
    elif part.text:
        parts.append({"text": part.text, "thought": True})
        if part.signature:
            parts[-1]["thoughtSignature"] = part.signature
    elif part.signature:
        # A bare signature seals the part before it; where there is none it needs one to stand on.
        if not parts or "thoughtSignature" in parts[-1]:
            parts.append({"text": ""})
        parts[-1]["thoughtSignature"] = part.signature


def _data(media_type: str, data: str) -> Json:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _image(image: Image) -> Json:
    if image.detail is not None:
        raise Unsupported("Google takes no detail of an image")
    if image.data is not None:
        return _data(image.media_type or "image/png", image.data)
    if image.url is None:
        raise Unsupported("an image needs data or a URL")
    source = {"fileUri": image.url}
    if image.media_type:
        source["mimeType"] = image.media_type
    return {"fileData": source}


def _result(part: ToolResult, names: Mapping[str, str]) -> Json:
    name = part.name or names.get(part.id)
    if name is None:
        raise InvalidInput(f"the tool of result {part.id} is unknown: Google needs its name")
    text = "".join(piece.text for piece in part.parts if isinstance(piece, Text))
    out = _with_id({"name": name, "response": {"error" if part.is_error else "output": text}}, part.id)
    if images := [_image(piece) for piece in part.parts if isinstance(piece, Image)]:
        out["parts"] = images
    return out


def _with_id(call: Json, given: str) -> Json:
    return call if given.startswith(OWN_ID) else {"id": given} | call


class GoogleReader:
    """One answer, whole or in chunks of the same shape; a stream just ends after its finish reason."""

    def __init__(self, *, searches_once: bool = False) -> None:
        self.ended = False
        self._assembler = Assembler()
        self._seals = 0
        self._grounding = Grounded(once=searches_once)

    def whole(self, body: bytes) -> list[Delta]:
        """A whole answer."""
        return self._take(parse(body, Response))

    def event(self, event: Event) -> list[Delta]:
        """One chunk."""
        return self._take(parse(event.data, Response))

    def finish(self) -> Answer:
        """The answer."""
        return self._grounding.told(self._assembler.finish())

    def _take(self, response: Response) -> list[Delta]:
        if response.error is not None:
            raise error_of(response.error)
        assembler = self._assembler
        assembler.id = assembler.id or response.response_id
        assembler.model = assembler.model or response.model_version or ""
        if response.usage_metadata is not None:
            assembler.usage = response.usage_metadata.usage()
        if response.prompt_feedback is not None and response.prompt_feedback.block_reason:
            raise ContentFiltered(f"the prompt was blocked: {response.prompt_feedback.block_reason}")
        deltas: list[Delta] = []
        for candidate in response.candidates or ():
            if candidate.index != 0:
                raise BadProviderAnswer("the answer has more candidates than were asked for")
            assembler.likely(of_google(candidate.logprobs_result))
            for part in candidate.content.parts if candidate.content else ():
                deltas += self._part(part)
            if candidate.grounding_metadata is not None:
                self._grounding.add(candidate.grounding_metadata)
            if candidate.finish_reason and candidate.finish_reason != "FINISH_REASON_UNSPECIFIED":
                self._finish_reason(candidate)
        return deltas

    def _finish_reason(self, candidate: Candidate) -> None:
        reason = candidate.finish_reason or ""
        if reason in _BROKEN:
            raise BadProviderAnswer(
                f"the answer broke off: {reason} {candidate.finish_message or ''}".rstrip()
            )
        self._assembler.stop = "content_filter" if reason in _FILTERS else _STOPS.get(reason, "other")

    def _part(self, part: AnswerPart) -> list[Delta]:
        assembler = self._assembler
        for name in _UNKNOWN:
            if getattr(part, name) is not None:
                raise unknown_content(name)
        if part.thought:
            return assembler.reasoning(part.text or "", signature=part.thought_signature, key="thought")
        deltas: list[Delta] = []
        if part.function_call is not None:
            call = part.function_call
            deltas = assembler.tool(
                assembler.tools,
                id=call.id or new_id(OWN_ID),
                name=call.name,
                arguments=encode_text(call.args or {}),
            )
        elif part.text:
            deltas = assembler.text(part.text)
        if part.thought_signature:
            # Kept behind the part that it seals, in the same place whether it streamed or not.
            self._seals += 1
            assembler.reasoning("", signature=part.thought_signature, key=self._seals)
        return deltas


_UNKNOWN = (
    "inline_data",
    "file_data",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)
