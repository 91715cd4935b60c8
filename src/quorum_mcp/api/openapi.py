"""The OpenAPI document: the REST surface, written from the operations' cards, and the vendors' model APIs."""

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from quorum_mcp import __version__
from quorum_mcp.api import model_openapi
from quorum_mcp.api.tables import FORMAT
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations

REF = "#/components/schemas/{model}"
_PLACE = re.compile(r"{(\w+)}")
ERRORS = {
    "400": "The request cannot be read.",
    "401": "A key is needed, or the key is not known.",
    "402": "The worst case does not fit what may be spent.",
    "403": "The caller may not do this.",
    "404": "The named thing does not exist.",
    "409": "The request contradicts what is stored, or the panel does not agree and had to.",
    "413": "The prompt does not fit the model's context window.",
    "422": "A value cannot be used.",
    "429": "A limit is reached; Retry-After says when to come back.",
    "499": "The run was cancelled.",
    "500": "The configuration is wrong, or an internal error.",
    "502": "A provider failed.",
    "503": "The database cannot be written.",
    "504": "The time is over.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    offered = [op for op in operations().values() if op.http is not None and "rest" in op.surfaces]
    shapes: list[tuple[type[BaseModel], Any]] = []
    for operation in offered:
        shapes += [(operation.input, "validation"), (operation.output, "serialization")]
    references, definitions = models_json_schema(shapes, ref_template=REF)
    paths: dict[str, Any] = {}
    for operation in offered:
        assert operation.http is not None
        given = _resolve(references[operation.input, "validation"], definitions)
        answer = references[operation.output, "serialization"]
        described = _describe(operation, given, references[operation.input, "validation"], answer)
        paths.setdefault(operation.http.path, {})[operation.http.method.lower()] = described
    paths["/api/session/{session_id}/events"] = {"get": _events()}
    paths |= model_openapi.paths(ERRORS)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quorum",
            "version": __version__,
            "description": "Ask several AI models one question and get one answer you can trust.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}) | {"Error": _error()} | model_openapi.schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: AnyOperation, given: dict[str, Any], body: Any, answer: Any) -> dict[str, Any]:
    assert operation.http is not None
    in_path = set(_PLACE.findall(operation.http.path))
    properties: dict[str, Any] = given.get("properties", {})
    parameters = [_parameter(name, properties[name], "path", required=True) for name in sorted(in_path)]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation, answer),
    }
    if operation.http.method == "POST":
        if in_path:
            rest = {name: schema for name, schema in properties.items() if name not in in_path}
            needed = [name for name in given.get("required", []) if name not in in_path]
            body = {"type": "object", "properties": rest, "required": needed, "additionalProperties": False}
        described["requestBody"] = {
            "required": bool(body.get("required", True)),
            "content": {"application/json": {"schema": body}},
        }
    else:
        needed = given.get("required", [])
        parameters += [
            _parameter(name, schema, "query", required=name in needed)
            for name, schema in properties.items()
            if name not in in_path
        ]
    if operation.table is not None:
        parameters.append(_parameter("format", FORMAT, "query", required=False))
    return described | ({"parameters": parameters} if parameters else {})


def _parameter(name: str, schema: Any, place: str, *, required: bool) -> dict[str, Any]:
    if place == "query" and "anyOf" in schema:  # an absent query parameter is absent, never null
        schema = schema | {"anyOf": [one for one in schema["anyOf"] if one != {"type": "null"}]}
        schema.pop("default", None)
    return {"name": name, "in": place, "required": required, "schema": schema}


def _responses(operation: AnyOperation, answer: Any) -> dict[str, Any]:
    assert operation.http is not None
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    if operation.name == "session.export":
        content = {"application/json": {}, "text/markdown": {}, "text/html": {}}
    if operation.table is not None:
        content["text/csv"] = {"schema": {"type": "string"}}
    responses = {str(operation.http.status): {"description": operation.summary, "content": content}}
    if operation.name in ("query", "session.rerun"):
        responses["202"] = {"description": "The run goes on; this is its session.", "content": content}
    if operation.name == "query":
        content = content | {"text/event-stream": {}}
        responses["200"] = {
            "description": "The answer, or with `stream` the run's events.",
            "content": content,
        }
    error = {"content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}}
    return responses | {status: {"description": text} | error for status, text in ERRORS.items()}


def _events() -> dict[str, Any]:
    error = {"content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}}
    return {
        "operationId": "session.events",
        "summary": "The session's events, stored ones first, then live; re-attach with the last number.",
        "parameters": [
            {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "after", "in": "query", "required": False, "schema": {"type": "integer", "minimum": 0}},
        ],
        "responses": {
            "200": {
                "description": "Server-sent events.",
                "content": {"text/event-stream": {}},
            }
        }
        | {status: {"description": text} | error for status, text in ERRORS.items()},
    }


def _resolve(schema: Any, definitions: Any) -> dict[str, Any]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return definitions["$defs"][name] if name else schema


def _error() -> dict[str, Any]:
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    body = {
        "type": "object",
        "required": ["code", "message", "hint", "details", "request_id"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "hint": nullable,
            "details": {"type": "object"},
            "request_id": nullable,
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": body}}
