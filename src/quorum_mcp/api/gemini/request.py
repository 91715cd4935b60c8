"""What Gemini's clients ask for, read into our own request; what has no equivalent is refused by name."""

from typing import Any

from msgspec import Struct, structs

from quorum_mcp import codec
from quorum_mcp.api.gemini.names import data_of, one_spelling
from quorum_mcp.api.logprobs import wanted
from quorum_mcp.api.reading import audio_of, json_of, object_of, only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import (
    SEARCHES,
    Audio,
    Extra,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from quorum_mcp.providers.google_sampling import SAMPLING
from quorum_mcp.tasks import CountTokens, Embed

Json = dict[str, Any]
CONFIG = {
    "maxOutputTokens", "temperature", "topP", "seed", "stopSequences", "responseMimeType", "responseJsonSchema",
    "responseSchema", "candidateCount", "responseLogprobs", "logprobs", *SAMPLING.values(),
}  # fmt: skip
PARTS = {"text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse"}


class GenerateRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of `:generateContent` and `:streamGenerateContent`."""

    contents: list[Json]
    system_instruction: Json | None = None
    tools: list[Json] | None = None
    tool_config: Json | None = None
    generation_config: Json | None = None
    safety_settings: list[Json] | None = None


class CountRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of `:countTokens`."""

    contents: list[Json] | None = None
    generate_content_request: Json | None = None


class EmbedRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of `:batchEmbedContents`."""

    requests: list[Json]


def generate(body: bytes) -> ModelRequest:
    """The request for a model; its name stays empty."""
    asked = json_of(one_spelling(body), GenerateRequest, "Gemini's generateContent")
    if not asked.contents:
        raise InvalidInput("contents is empty", hint="send at least one turn")
    if asked.safety_settings:
        raise Unsupported("safetySettings is not supported", hint="leave it out")
    config = asked.generation_config or {}
    only(config, CONFIG, "generationConfig")
    if config.get("candidateCount") not in (None, 1):
        raise Unsupported("candidateCount is not supported", hint="leave it out")
    turns: list[Message] = []
    if asked.system_instruction:
        turns.append(Message("system", _parts(asked.system_instruction, "systemInstruction", {})))
    called: dict[str, str] = {}
    sampling = {name: config[own] for name, own in SAMPLING.items() if config.get(own) is not None}
    for n, content in enumerate(asked.contents):
        turns += _turn(content, f"contents[{n}]", called)
    return ModelRequest(
        "",
        tuple(turns),
        tools=_tools([one for one in asked.tools or [] if not _searches(one)]),
        searches=SEARCHES if any(map(_searches, asked.tools or [])) else 0,
        tool_choice=_choice(asked.tool_config),
        format=_format(config),
        max_tokens=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        stop=tuple(config.get("stopSequences") or ()),
        seed=config.get("seed"),
        logprobs=wanted(
            config.get("responseLogprobs"), config.get("logprobs"), names=("responseLogprobs", "logprobs")
        ),
        extra=Extra("google", sampling) if sampling else None,
    )


def embed(body: bytes) -> ModelRequest:
    """Texts to embed."""
    asked = json_of(one_spelling(body), EmbedRequest, "Gemini's batchEmbedContents")
    texts: list[Part] = []
    lengths: set[int | None] = set()
    for n, one in enumerate(asked.requests):
        only(one, {"model", "content", "outputDimensionality"}, f"requests[{n}]")
        lengths.add(one.get("outputDimensionality"))
        found = _parts(object_of(one, "content"), f"requests[{n}].content", {})
        texts.append(Text("".join(part.text for part in found if isinstance(part, Text))))
    if not texts:
        raise InvalidInput("requests is empty", hint="send at least one text")
    if len(lengths) > 1:
        raise Unsupported("outputDimensionality differs between the requests", hint="ask for one length")
    task = Embed(lengths.pop() if lengths else None)
    return ModelRequest("", (Message("user", tuple(texts)),), task=task)


def count(body: bytes) -> ModelRequest:
    """What tokens are counted of: contents, or a whole request for an answer."""
    asked = json_of(one_spelling(body), CountRequest, "Gemini's countTokens")
    given = {} if asked.contents is None else {"contents": asked.contents}
    if (whole := asked.generate_content_request) is not None:
        given = {name: value for name, value in whole.items() if name != "model"}
    return structs.replace(generate(codec.encode(given)), task=CountTokens())


def _turn(content: Json, where: str, called: dict[str, str]) -> list[Message]:
    only(content, {"role", "parts"}, where)
    role = content.get("role") or "user"
    if role not in ("user", "model", "function"):
        raise InvalidInput(f"{where}.role: {role!r} is not a role", hint="user or model")
    parts = _parts(content, where, called)
    if role == "model":
        return [Message("assistant", parts)]
    results = tuple(part for part in parts if isinstance(part, ToolResult))
    others = tuple(part for part in parts if not isinstance(part, ToolResult))
    turns = [Message("tool", results)] if results else []
    return [*turns, Message("user", others)] if others or not results else turns


def _parts(content: Json, where: str, called: dict[str, str]) -> tuple[Part, ...]:
    found: list[Part] = []
    for n, part in enumerate(content.get("parts") or ()):
        found += _part(part, f"{where}.parts[{n}]", called)
    return tuple(found)


def _part(part: Any, where: str, called: dict[str, str]) -> list[Part]:
    if not isinstance(part, dict):
        raise InvalidInput(f"{where} is not a part")
    only(part, PARTS, where)
    seal = part.get("thoughtSignature")
    sealed: list[Part] = [Reasoning("", signature=seal)] if seal else []
    if part.get("thought"):
        return [Reasoning(str(part.get("text") or ""), signature=seal)]
    if "text" in part:
        return [Text(text_of(part, "text", where)), *sealed]
    if call := object_of(part, "functionCall"):
        name = text_of(call, "name", where)
        use = ToolUse(call.get("id") or new_id("call"), name, codec.encode_text(call.get("args") or {}))
        called[name] = use.id
        return [use, *sealed]
    if result := object_of(part, "functionResponse"):
        name = text_of(result, "name", where)
        answered = result.get("id") or called.get(name) or name
        said = result.get("response") or {}
        failed = set(said) == {"error"}
        value = said.get("output", said.get("result", said)) if not failed else said["error"]
        text = value if isinstance(value, str) else codec.encode_text(value)
        return [ToolResult(answered, (Text(text),), name, is_error=failed)]
    return [_media(part, where)]


def _media(part: Json, where: str) -> Image | Audio:
    data, file = object_of(part, "inlineData"), object_of(part, "fileData")
    kind = str((data or file).get("mimeType") or "")
    if kind.startswith("audio/") and data:
        sound = data_of(text_of(data, "data", f"{where}.inlineData"), f"{where}.inlineData.data")
        return audio_of(sound, kind, f"{where}.inlineData.data")
    if not kind.startswith("image/"):
        raise Unsupported(
            f"{where}: {kind or 'this part'} is not supported", hint="text, images and inline audio are"
        )
    if data:
        return Image(kind, data_of(text_of(data, "data", where), f"{where}.inlineData.data"))
    return Image(kind, url=text_of(file, "fileUri", where))


def _searches(tool: Json) -> bool:
    """Whether it is Google's own web search, with nothing set that narrows it."""
    return tool in ({"googleSearch": {}}, {"google_search": {}})


def _tools(given: list[Json]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for n, group in enumerate(given):
        where = f"tools[{n}]"
        if set(group) != {"functionDeclarations"}:
            raise Unsupported(
                f"{where}: {', '.join(group)} is not supported", hint="functionDeclarations are"
            )
        for one in group["functionDeclarations"]:
            only(one, {"name", "description", "parameters", "parametersJsonSchema"}, where)
            schema = one.get("parametersJsonSchema") or _lower(one.get("parameters")) or {"type": "object"}
            tools.append(Tool(text_of(one, "name", where), str(one.get("description") or ""), schema))
    return tuple(tools)


def _choice(given: Json | None) -> ToolChoice:
    calling = object_of(given, "functionCallingConfig")
    mode, allowed = str(calling.get("mode") or "AUTO").upper(), calling.get("allowedFunctionNames") or []
    if mode == "ANY" and len(allowed) == 1:
        return ToolChoice("named", allowed[0])
    modes = {"AUTO": ToolChoice(), "ANY": ToolChoice("required"), "NONE": ToolChoice("none")}
    if mode not in modes or allowed:
        raise Unsupported(
            f"functionCallingConfig {calling} is not supported", hint="AUTO, ANY (of one) or NONE"
        )
    return modes[mode]


def _format(config: Json) -> JsonFormat | None:
    schema = config.get("responseJsonSchema") or _lower(config.get("responseSchema"))
    if config.get("responseMimeType") not in (None, "text/plain", "application/json"):
        raise Unsupported(f"responseMimeType {config['responseMimeType']!r} is not supported")
    return JsonFormat(schema) if schema or config.get("responseMimeType") == "application/json" else None


def _lower(schema: Any) -> Any:
    """Google's own schema as JSON Schema: its types are in capitals."""
    if isinstance(schema, list):
        return [_lower(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lower(value)
        for name, value in schema.items()
    }
