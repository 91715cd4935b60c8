"""JSON that fits a schema: the words of an answer where text is asked for, and seeded picks elsewhere.

Covers the keywords that structured output of the vendors allows: type, properties, required, items, enum, const,
anyOf, oneOf, allOf, $ref into $defs, minItems, minimum, maximum, minLength, maxLength.
"""

from typing import Any, cast

from quorum_mcp.providers.sim.chance import pick, roll

Schema = dict[str, Any]
_MAX_DEPTH = 12
_NUMBERS = ("number", "integer")


class UnfitSchema(ValueError):
    """No finite value fits the schema, or it refers to nothing."""


class Fitter:
    """Makes values that fit `schema`; `text` and `number` are what the answer says, `words` set the picks."""

    def __init__(self, schema: Schema, text: str, number: float | None, *words: object) -> None:
        self._root = schema
        self._text = text
        self._number = number
        self._words = words

    def value(self) -> Any:
        """A value that fits the whole schema."""
        return self._fit(self._root, "", 0)

    def _fit(self, schema: Schema, name: str, depth: int) -> Any:
        if depth > 2 * _MAX_DEPTH:
            raise UnfitSchema("the schema asks for values nested without end")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return pick(schema["enum"], *self._words, name)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                options = [option for option in schema[key] if self._resolved(option).get("type") != "null"]
                return self._fit(options[0] if options else schema[key][0], name, depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kinds = cast("list[str]", kind)
            kind = next((word for word in kinds if word != "null"), "null")
        return self._typed(schema, kind, name, depth)

    def _typed(self, schema: Schema, kind: str, name: str, depth: int) -> Any:
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = int(schema.get("minItems", 1 if depth < _MAX_DEPTH else 0))
            return [self._fit(schema.get("items", {}), f"{name}{at}", depth + 1) for at in range(count)]
        if kind in _NUMBERS:
            return self._numeric(schema, name, whole=kind == "integer")
        if kind == "boolean":
            return roll(*self._words, name) < 0.5
        return None if kind == "null" else self._string(schema, name)

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(_MAX_DEPTH):
            if not isinstance(ref := schema.get("$ref"), str):
                break
            found: Any = self._root
            for step in ref.removeprefix("#").strip("/").split("/"):
                if step and step not in found:
                    raise UnfitSchema(f"the schema's reference {ref!r} leads nowhere")
                found = found[step] if step else found
            schema = found
        if parts := schema.get("allOf"):
            merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                more = self._resolved(part)
                both = {**merged.get("properties", {}), **more.get("properties", {})}
                merged |= more | ({"properties": both} if both else {})
            return merged
        return schema

    def _object(self, schema: Schema, depth: int) -> Schema:
        required = set(schema.get("required", ()))
        wanted = {
            name: inner
            for name, inner in schema.get("properties", {}).items()
            if name in required or depth < _MAX_DEPTH // 2
        }
        return {name: self._fit(inner, name, depth + 1) for name, inner in wanted.items()}

    def _numeric(self, schema: Schema, name: str, *, whole: bool) -> float | int:
        low, high = schema.get("minimum"), schema.get("maximum")
        value: float | int = (
            self._number if self._number is not None else round(10 * roll(*self._words, name), 2)
        )
        if low is not None:
            value = max(value, low)
        if high is not None:
            value = min(value, high)
        return int(value) if whole or value == int(value) else value

    def _string(self, schema: Schema, name: str) -> str:
        formats = {"date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z", "uri": "http://127.0.0.1/"}
        if schema.get("format") in formats:
            return formats[schema["format"]]
        lines = [line for line in self._text.splitlines() if line]
        text = (
            self._text
            if name in ("", "answer", "text", "content")
            else pick(lines or [self._text], *self._words, name)
        )
        text = text[: schema.get("maxLength", len(text))]
        return text.ljust(schema.get("minLength", 0), ".")
