"""JSON Schemas of tools, from the Pydantic models of their operations."""

from typing import Any, Literal

from pydantic import BaseModel

_NAMED = frozenset({"properties", "$defs"})  # their keys are names, not keywords


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's arguments, whole in itself: several hosts cannot follow a `$ref`."""
    found = _schema(model, "validation")
    definitions: dict[str, Any] = found.pop("$defs", {})
    return {"properties": {}, **_inlined(found, definitions)}


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's structured result."""
    return _schema(model, "serialization")


def _schema(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> dict[str, Any]:
    found = _without_titles(model.model_json_schema(mode=mode))
    found.pop("description", None)  # the tool has its own
    return found


def _without_titles(node: Any, *, names: bool = False) -> Any:
    """The schema without the titles that Pydantic makes of names: assistants pay for every word of a tool."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_titles(value, names=not names and key in _NAMED)
        for key, value in node.items()
        if names or key != "title"
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
