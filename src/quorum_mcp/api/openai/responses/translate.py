"""A request for a response, translated into our own; what has no equivalent is refused by name."""

from typing import Any

from quorum_mcp.api.openai.responses.inputs import REFERENCE, items, resolved, turns
from quorum_mcp.api.openai.responses.request import ResponseRequest
from quorum_mcp.api.reading import object_of, only, text_of
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.messages import SEARCHES, Extra, JsonFormat, ModelRequest, Tool, ToolChoice, message

Json = dict[str, Any]
PASSED_ON = ("frequency_penalty", "presence_penalty", "prompt_cache_key", "safety_identifier", "user")
"""Fields that a provider of the same wire gets as they are; none of them changes what a token costs."""

WEB_SEARCH = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
"""The types of OpenAI's own web search: any model's provider searches in its own way."""


def translate(asked: ResponseRequest, earlier: list[Json], named: dict[str, Json]) -> ModelRequest:
    """The request for a model; its name stays empty.

    Args:
        asked: the request.
        earlier: the items of the responses before.
        named: the items that the input refers to, by id; the others are left out.
    """
    given = [*earlier, *resolved(items(asked), named)]
    said = [message("system", asked.instructions)] if asked.instructions else []
    effort = (asked.reasoning or {}).get("effort")
    only(asked.reasoning or {}, {"effort", "summary"}, "reasoning")
    if effort not in (None, "none", "minimal", "low", "medium", "high"):
        raise InvalidInput(
            f"reasoning.effort: {effort!r} is not known", hint="none, minimal, low, medium or high"
        )
    own = [one for one in asked.tools or () if one.get("type") in WEB_SEARCH]
    for one in own:
        only(one, {"type"}, "tools")
    tools = tuple(_tool(one, f"tools[{n}]") for n, one in enumerate(asked.tools or ()) if one not in own)
    allowed, choice = _choice(asked.tool_choice)
    extra = {name: value for name in PASSED_ON if (value := getattr(asked, name)) is not None}
    if verbosity := (asked.text or {}).get("verbosity"):
        extra["verbosity"] = verbosity
    return ModelRequest(
        "",
        (*said, *turns(given, len(earlier))),
        tools=tuple(tool for tool in tools if allowed is None or tool.name in allowed),
        tool_choice=choice,
        parallel_tools=asked.parallel_tool_calls,
        format=_format(asked.text or {}),
        max_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        reasoning_effort=effort,
        searches=(asked.max_tool_calls or SEARCHES) if own else 0,
        extra=Extra("openai", extra) if extra else None,
    )


def references(asked: ResponseRequest) -> list[str]:
    """The ids of the items that the input only refers to."""
    return [
        text_of(item, "id", f"input[{n}]")
        for n, item in enumerate(items(asked))
        if item.get("type") == REFERENCE
    ]


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


def _choice(given: str | Json | None) -> tuple[set[str] | None, ToolChoice]:
    """The names of the tools that may be called (None: all), and whether one must be."""
    if given is None:
        return None, ToolChoice()
    if isinstance(given, str):
        if given not in ("auto", "none", "required"):
            raise InvalidInput(f"tool_choice: {given!r} is not known", hint="auto, none or required")
        return None, ToolChoice(given)
    match given.get("type"):
        case "function":
            return None, ToolChoice("named", text_of(given, "name", "tool_choice"))
        case "allowed_tools" if isinstance(given.get("tools"), list):
            names = {_allowed(one, f"tool_choice.tools[{n}]") for n, one in enumerate(given["tools"])}
            if (mode := given.get("mode", "auto")) not in ("auto", "required"):
                raise InvalidInput(f"tool_choice.mode: {mode!r} is not known", hint="auto or required")
            return names, ToolChoice(mode)
        case _:
            raise Unsupported(
                f"tool_choice {given!r} is not supported",
                hint="auto, none, required, allowed_tools, or a function by name",
            )


def _allowed(given: Any, where: str) -> str:
    if not isinstance(given, dict) or given.get("type") != "function":
        raise Unsupported(f"{where} is no function", hint="function tools are supported")
    return text_of(given, "name", where)


def _format(text: Json) -> JsonFormat | None:
    only(text, {"format", "verbosity"}, "text")
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
