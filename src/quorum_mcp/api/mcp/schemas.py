"""JSON Schemas of tools, from the Pydantic models of their operations."""

from typing import Any, Literal

from pydantic import BaseModel

_TITLES = frozenset({"title"})  # which Pydantic makes of names
_WORDS = frozenset({"description", "default"})
_NAMED = frozenset({"properties", "$defs"})  # their keys are names, not keywords


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's arguments, whole in itself: several hosts cannot follow a `$ref`."""
    found = _schema(model, "validation")
    definitions: dict[str, Any] = found.pop("$defs", {})
    return {"properties": {}, **_inlined(found, definitions)}


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's structured result. The fields' names have to do: words are in the API's reference."""
    return _without(_schema(model, "serialization"), _WORDS)


def _schema(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    found = _without(model.model_json_schema(mode=mode), _TITLES)
    found.pop("description", None)  # the tool has its own
    return found


def _without(node: Any, words: frozenset[str], *, names: bool = False) -> Any:
    """The schema without some keywords: assistants pay for every word of a tool."""
    if isinstance(node, list):
        return [_without(item, words) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without(value, words, names=not names and key in _NAMED)
        for key, value in node.items()
        if names or key not in words
    }


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[str(node["$ref"]).rpartition("/")[2]]
        return _inlined(target, definitions) | {k: v for k, v in node.items() if k != "$ref"}
    return {key: _inlined(value, definitions) for key, value in node.items()}
