"""docs/reference/operations.md: everything Quorum can do, from the operations' cards."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from quorum_mcp.api.bridge.modules import module_operations
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations

from .markdown import anchor, code, page, prose, table
from .types import of_schema

Shapes = dict[str, tuple[dict[str, Any], bool]]
INTRO = """
Everything Quorum can do is an operation. The same operations are behind the REST API, the MCP tools, the
WebSocket, the SDK and `quorum op NAME`; `quorum op NAME --schema` prints the JSON schemas, and a running server
shows its OpenAPI document at `/api/openapi.json` (as a page: `/api/docs`).

REST takes a `POST`'s input as a JSON object and a `GET`'s as parameters of the URL; names in braces are part of the
path. Unknown fields are refused. Errors are those of the [table](errors.md). The [bridge](../guides/use-the-bridge.md)
carries out every operation as a `POST` below `/v1/orchestrate`, and every tool at `/mcp/TOOL` and `/tools/TOOL`.

*Effect* is what an operation does: `read` changes nothing, `spend` costs money, `write` changes what Quorum stores.
*Scopes* are what a key has to allow.
"""
MEANS = {
    "synthesizer": "absent: chosen by the question",
    "seat": "",
}


def operations_page() -> str:
    """The page."""
    offered = operations()
    shapes: Shapes = {}
    parts = [INTRO, table(("operation", "REST", "MCP tool", "what it does"), map(_line, offered.values()))]
    for operation in offered.values():
        parts += [f"## {operation.name}", *_operation(operation, shapes)]
    parts.append("## Shapes")
    for name, (schema, given) in sorted(shapes.items()):
        parts += [f"### {name}", prose(schema.get("description", "")), _fields(schema, given=given)]
    return page("Operations", *parts)


def _line(operation: AnyOperation) -> tuple[str, ...]:
    name = f"[{operation.name}](#{anchor(operation.name)})"
    return name, code(_route(operation)), code(operation.tool), operation.summary


def _route(operation: AnyOperation) -> str:
    return f"{operation.http.method} {operation.http.path}" if operation.http else ""


def _bridged(operation: AnyOperation) -> str:
    paths = (path for path, found in module_operations().items() if found is operation)
    return next((f"/v1/orchestrate/{path}" for path in paths), "")


def _operation(operation: AnyOperation, shapes: Shapes) -> Iterator[str]:
    yield operation.summary
    facts = [("REST", code(_route(operation))), ("MCP tool", code(operation.tool))]
    facts += [("bridge", code(_bridged(operation)))]
    facts += [("effect", code(operation.effect.value)), ("scopes", _codes(operation.scopes))]
    facts += [("offered by", ", ".join(sorted(operation.surfaces)))]
    yield "\n".join(f"- {name}: {fact}" for name, fact in facts if fact)
    fields = _fields(_schema(operation.input, "validation", shapes), given=True)
    yield f"Input:\n\n{fields}" if fields else "No input."
    answer = _schema(operation.output, "serialization", shapes)
    yield f"Answer: {prose(answer.get('description', ''))}\n\n{_fields(answer, given=False)}"


def _codes(names: frozenset[str]) -> str:
    return ", ".join(code(name) for name in sorted(names))


def _schema(model: type[BaseModel], mode: JsonSchemaMode, shapes: Shapes) -> dict[str, Any]:
    """The schema of a model; the shapes that it names go into `shapes`, with whether callers give them."""
    schema = model.model_json_schema(mode=mode)
    for name, below in schema.get("$defs", {}).items():
        found, given = shapes.get(name, (below, False))
        if found["properties"].keys() != below["properties"].keys():
            raise ValueError(f"two shapes are called {name}")
        shapes[name] = (below, True) if mode == "validation" else (found, given)
    return schema


def _fields(schema: dict[str, Any], *, given: bool) -> str:
    """The fields; those that callers give with their defaults."""
    needed = schema.get("required", [])
    rows: list[tuple[str, ...]] = []
    for name, field in schema.get("properties", {}).items():
        if "description" not in field:
            raise ValueError(f"{schema['title']}.{name} has no description")
        default = "must be given" if name in needed else _default(field)
        words = of_schema(field)
        # What may be left out need not be said to be null.
        cells = (words.removesuffix(" or null"), default) if given else (words,)
        rows.append((code(name), *cells, field["description"]))
    return table(("field", "type", "default", "meaning") if given else ("field", "type", "meaning"), rows)


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value in (None, "", []):
        return "none"
    return code(str(value).lower() if isinstance(value, bool) else value)
