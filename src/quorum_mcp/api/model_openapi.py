"""The vendors' model APIs in the OpenAPI document: what each route takes, and in whose dialect it answers and fails."""

import re
from typing import Any

import msgspec
from msgspec import Struct

from quorum_mcp.api.anthropic.request import MessageRequest
from quorum_mcp.api.gemini import request as gemini
from quorum_mcp.api.ollama import request as ollama
from quorum_mcp.api.ollama.models import ShowRequest
from quorum_mcp.api.openai.completions import CompletionRequest
from quorum_mcp.api.openai.embeddings import EmbeddingRequest
from quorum_mcp.api.openai.images import ImageRequest
from quorum_mcp.api.openai.moderations import ModerationRequest
from quorum_mcp.api.openai.request import ChatRequest
from quorum_mcp.api.openai.responses.request import ResponseRequest
from quorum_mcp.api.openai.speech import SpeechRequest

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
EVENTS, LINES = "text/event-stream", "application/x-ndjson"


class Described(Struct, frozen=True):
    """One route.

    Attributes:
        body: what it takes; `form` instead, where that is a form.
        stream: how it streams.
        answer: what it answers besides JSON.
        query: what may stand behind the path.
    """

    vendor: str
    method: str
    path: str
    summary: str
    body: type[Struct] | None = None
    stream: str | None = None
    answer: str | None = None
    form: dict[str, Json] | None = None
    query: dict[str, Json] = {}


_PAGE: dict[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "order": {"type": "string", "enum": ["asc", "desc"]},
    "after": {"type": "string"},
}
_GEMINI = "/v1beta/models/{model}"
ROUTES = (
    Described("OpenAI", "POST", "/v1/chat/completions", "Chat completions.", ChatRequest, EVENTS),
    Described("OpenAI", "POST", "/v1/responses", "Responses.", ResponseRequest, EVENTS),
    Described("OpenAI", "POST", "/v1/responses/input_tokens", "Tokens of a response's input.", ResponseRequest),
    Described("OpenAI", "GET", "/v1/responses/{id}", "A stored response."),
    Described("OpenAI", "DELETE", "/v1/responses/{id}", "Deletes a stored response."),
    Described(
        "OpenAI", "GET", "/v1/responses/{id}/input_items", "What a stored response was asked.", query=_PAGE
    ),
    Described("OpenAI", "POST", "/v1/responses/{id}/cancel", "Cancels a response in the background."),
    Described("OpenAI", "POST", "/v1/embeddings", "Embeddings.", EmbeddingRequest),
    Described("OpenAI", "POST", "/v1/completions", "Text completions.", CompletionRequest, EVENTS),
    Described("OpenAI", "POST", "/v1/images/generations", "Images.", ImageRequest, EVENTS),
    Described("OpenAI", "POST", "/v1/audio/speech", "Speech.", SpeechRequest, EVENTS, "audio/*"),
    Described("OpenAI", "POST", "/v1/audio/transcriptions", "Transcriptions.", form={
        "file": {"type": "string", "contentMediaType": "application/octet-stream"}, "model": {"type": "string"},
    }, stream=EVENTS, answer="text/plain"),
    Described("OpenAI", "POST", "/v1/moderations", "Moderations.", ModerationRequest),
    Described("OpenAI", "GET", "/v1/models/discover", "The same, after every provider was asked for its list."),
    Described("OpenAI", "POST", "/v1/models/discover", "The same."),
    Described("OpenAI", "GET", "/v1/models", "The models that may be named."),
    Described("OpenAI", "GET", "/v1/models/{name}", "One of them."),
    Described("Anthropic", "POST", "/v1/messages", "Anthropic's messages.", MessageRequest, EVENTS),
    Described("Anthropic", "POST", "/v1/messages/count_tokens", "How many tokens a message has.", MessageRequest),
    Described("Gemini", "POST", f"{_GEMINI}:countTokens", "How many tokens a request has.", gemini.CountRequest),
    Described("Gemini", "POST", f"{_GEMINI}:generateContent", "Gemini's answer.", gemini.GenerateRequest),
    Described(
        "Gemini", "POST", f"{_GEMINI}:streamGenerateContent", "The same as a stream.", gemini.GenerateRequest, EVENTS
    ),
    Described("Gemini", "POST", f"{_GEMINI}:batchEmbedContents", "Gemini's embeddings.", gemini.EmbedRequest),
    Described("Gemini", "GET", "/v1beta/models", "The models that may be named, as Gemini lists them."),
    Described("Gemini", "GET", "/v1beta/models/{name}", "One of them."),
    Described("Ollama", "POST", "/api/chat", "Ollama's chat.", ollama.ChatRequest, LINES),
    Described("Ollama", "POST", "/api/generate", "Ollama's generate.", ollama.GenerateRequest, LINES),
    Described("Ollama", "POST", "/api/embed", "Ollama's embeddings.", ollama.EmbedRequest),
    Described("Ollama", "POST", "/api/show", "One model, as Ollama shows it.", ShowRequest),
    Described("Ollama", "GET", "/api/tags", "The models, as Ollama lists them."),
    Described("Ollama", "GET", "/api/ps", "The same: every model is ready."),
    Described("Ollama", "GET", "/api/version", "The version of Ollama's API that is spoken."),
)  # fmt: skip
"""Every route of a vendor's API; a test compares them with those that are served."""

_TEXT: Json = {"type": "string"}


def _object(**fields: Json) -> Json:
    """An object that has these fields, whatever else it has."""
    return {"type": "object", "required": list(fields), "properties": fields}


_ERRORS = {
    "OpenAI": _object(
        error=_object(message=_TEXT, type=_TEXT, param={"type": ["string", "null"]}, code=_TEXT)
    ),
    "Anthropic": _object(type={"const": "error"}, error=_object(type=_TEXT, message=_TEXT)),
    "Gemini": _object(error=_object(code={"type": "integer"}, message=_TEXT, status=_TEXT)),
    "Ollama": _object(error=_TEXT),
}


def paths(errors: dict[str, str]) -> Json:
    """The paths of the document; `errors` are the statuses of refusals, with what they mean."""
    found: Json = {}
    for route in ROUTES:
        found.setdefault(route.path, {})[route.method.lower()] = _describe(route, errors)
    return found


def schemas() -> Json:
    """What `paths` refers to."""
    found = {f"{vendor}Error": shape for vendor, shape in _ERRORS.items()}
    for route in ROUTES:
        if route.body is not None:
            _, parts = msgspec.json.schema_components(
                [route.body], ref_template=REF.format(name=route.vendor + "{name}")
            )
            found |= {route.vendor + name: part for name, part in parts.items()}
    return found


def _describe(route: Described, errors: dict[str, str]) -> Json:
    content: Json = {"application/json": {"schema": {"type": "object"}}}
    content |= {kind: {} for kind in (route.stream, route.answer) if kind is not None}
    name = REF.format(name=f"{route.vendor}Error")
    refused = {"application/json": {"schema": {"$ref": name}}}
    described: Json = {
        "operationId": re.sub(r"\W+", "_", f"{route.vendor}_{route.method}{route.path}".lower()).strip("_"),
        "summary": route.summary,
        "tags": [f"As {route.vendor}"],
        "parameters": [
            *(
                {"name": place, "in": "path", "required": True, "schema": _TEXT | {"minLength": 1}}
                for place in re.findall(r"{(\w+)}", route.path)
            ),
            *(
                {"name": key, "in": "query", "required": False, "schema": schema}
                for key, schema in route.query.items()
            ),
        ],
        "responses": {"200": {"description": route.summary, "content": content}}
        | {status: {"description": text, "content": refused} for status, text in errors.items()},
    }
    if route.body is not None:
        schema: Json = {"$ref": REF.format(name=route.vendor + route.body.__name__)}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _object(**route.form)}},
        }
    return described
