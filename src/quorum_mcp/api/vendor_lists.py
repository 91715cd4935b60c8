"""`GET /v1/models` in the words of whoever asks: three vendors' clients list models at the same path."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

from quorum_mcp.api.anthropic.failures import error_body as anthropic_error
from quorum_mcp.api.gemini.failures import error_body as gemini_error
from quorum_mcp.api.model_list import ModelList, Named
from quorum_mcp.api.openai.failures import error_body as openai_error
from quorum_mcp.api.openai.models import show_models
from quorum_mcp.errors import ModelNotFound
from quorum_mcp.operations.context import Services

Json = dict[str, Any]
LISTED = "1970-01-01T00:00:00Z"
"""When a model was made, which nobody here knows."""


class VendorLists:
    """The endpoint. A client of Anthropic's or Google's names itself in a header, all others read OpenAI's list."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._openai = ModelList(services, show_models, openai_error)
        self._by_header = {
            b"anthropic-version": ModelList(services, _anthropic, anthropic_error),
            b"x-goog-api-client": ModelList(services, show_gemini, gemini_error),
            b"x-goog-api-key": ModelList(services, show_gemini, gemini_error),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        sent = {name for name, _ in scope["headers"]}
        chosen = next((one for name, one in self._by_header.items() if name in sent), self._openai)
        await chosen(scope, receive, send)


def _anthropic(models: Sequence[Named], asked: Mapping[str, Any]) -> Json:
    rows = [
        {"id": one.name, "type": "model", "display_name": one.name, "created_at": LISTED} for one in models
    ]
    if "name" in asked:
        return _named(rows, "id", asked["name"])
    ends = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    return {"data": rows, "has_more": False, "first_id": ends[0], "last_id": ends[1]}


def show_gemini(models: Sequence[Named], asked: Mapping[str, Any]) -> Json:
    """The list, or the one that is named in the path, as Gemini shows them."""
    methods = ["generateContent", "streamGenerateContent", "countTokens", "batchEmbedContents"]
    rows = [
        {"name": f"models/{one.name}", "displayName": one.name, "supportedGenerationMethods": methods}
        for one in models
    ]
    return _named(rows, "name", f"models/{asked['name']}") if "name" in asked else {"models": rows}


def _named(rows: Sequence[Json], key: str, name: str) -> Json:
    found = next((row for row in rows if row[key] == name), None)
    if found is None:
        raise ModelNotFound(f"no model is called {name!r}", hint="GET /v1/models lists them")
    return found
