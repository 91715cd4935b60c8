"""The REST reference as one plain page: no script, nothing from elsewhere."""

from html import escape
from typing import Any

from quorum_mcp.api.openapi import document

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code{font-family:ui-monospace,monospace}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}"
    "section{border-top:1px solid #8884;margin-top:1.5rem}"
)


def page() -> str:
    """Every route with its fields, out of the OpenAPI document."""
    found = document()
    out = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Quorum REST</title><style>{STYLE}</style><main><h1>Quorum REST {escape(found['info']['version'])}</h1>",
        "<p>The same as a document: <a href=openapi.json>openapi.json</a>.</p>",
    ]
    for path, methods in sorted(found["paths"].items()):
        for method, operation in methods.items():
            out.append(f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>")
            out.append(f"<p>{escape(operation['summary'])}</p>")
            out.append(_fields(operation, found["components"]["schemas"]))
            out.append("</section>")
    return "".join(out) + "</main></html>"


def _fields(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = [(p["name"], p["in"], p["schema"]) for p in operation.get("parameters", [])]
    if "requestBody" in operation:
        (given,) = operation["requestBody"]["content"].values()
        schema = given["schema"]
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        rows += [
            (key, "body", value) for key, value in schemas.get(name, schema).get("properties", {}).items()
        ]
    if not rows:
        return ""
    cells = "".join(
        f"<tr><th><code>{escape(name)}</code><td>{place}<td>{escape(_kind(schema))}"
        f"<td>{escape(schema.get('description', ''))}"
        for name, place, schema in rows
    )
    return f"<table>{cells}</table>"


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
