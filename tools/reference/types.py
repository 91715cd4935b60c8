"""Types in words: of Python's annotations, and of JSON schemas."""

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from .markdown import anchor, code

WORDS = {str: "text", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "anything"}
JSON_WORDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def of_hint(hint: Any) -> str:
    """An annotation in words."""
    if hint in WORDS:
        return WORDS[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of_hint(inner[0])
    if origin is Literal:
        return ", ".join(code(value) for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(of_hint(option) for option in inner)
    if origin in (list, tuple):
        return f"list of {_plural(of_hint(inner[0]))}"
    if origin is dict:
        return "object" if inner[1] is Any else f"{_plural(of_hint(inner[1]))} by name"
    raise TypeError(f"no words for {hint!r}")


def of_schema(schema: Mapping[str, Any]) -> str:
    """A JSON schema in words; named shapes are links to their headings on the same page."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(of_schema(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "array":
            return f"list of {_plural(of_schema(schema['items']))}" + _bounds(
                schema, "minItems", "maxItems", ""
            )
        case "object":
            below = schema.get("additionalProperties")
            return f"{_plural(of_schema(below))} by name" if isinstance(below, dict) and below else "object"
        case "string":
            return "text" + _bounds(schema, "minLength", "maxLength", " characters")
        case str() as kind:
            return JSON_WORDS[kind] + _bounds(schema, "minimum", "maximum", "", "exclusiveMinimum")
        case _:
            return "anything"


def _bounds(schema: Mapping[str, Any], low: str, high: str, unit: str, above: str = "") -> str:
    least, most = schema.get(low), schema.get(high)
    if above and above in schema:
        return f", above {schema[above]:,}" + ("" if most is None else f", at most {most:,}")
    if least is None and most is None:
        return ""
    if least is None or most is None:
        return f", at least {least:,}{unit}" if most is None else f", at most {most:,}{unit}"
    return f", {least:,} to {most:,}{unit}"


def _plural(words: str) -> str:
    return {"text": "texts", "integer": "integers", "number": "numbers", "object": "objects"}.get(
        words, words
    )
