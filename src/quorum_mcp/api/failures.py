"""Errors as HTTP answers them, in the dialect of the path that was asked."""

import math
from typing import Any

from starlette.responses import Response

from quorum_mcp import codec
from quorum_mcp.api.anthropic.failures import error_body as anthropic_body
from quorum_mcp.api.bridge.outcome import failure_at
from quorum_mcp.api.gemini.failures import error_body as gemini_body
from quorum_mcp.api.ollama.failures import error_body as ollama_body
from quorum_mcp.api.openai.failures import error_body as openai_body
from quorum_mcp.errors import QuorumError

OLLAMA = frozenset(f"/api/{name}" for name in ("chat", "generate", "embed", "tags", "show", "ps", "version"))
"""Ollama's paths, which stand beside our own."""


def error_response(error: QuorumError, path: str = "") -> Response:
    """The error's status and body; 429 and 503 say when to come back, 401 how to sign in."""
    return Response(codec.encode(_body(error, path)), error.status, error_headers(error), "application/json")


def error_headers(error: QuorumError) -> dict[str, str]:
    """The headers of an error; OpenAI's and Anthropic's clients ask again where `x-should-retry` says so."""
    headers: dict[str, str] = {}
    if error.status >= 429:
        headers["x-should-retry"] = "true" if error.retryable else "false"
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if error.challenge is not None:
        headers["www-authenticate"] = error.challenge
    return headers


def _body(error: QuorumError, path: str) -> dict[str, Any]:
    """Clients of a vendor's API read errors in that API's shape only, and those of the bridge in its own."""
    if (bridged := failure_at(error, path)) is not None:
        return bridged
    if path.startswith("/v1/messages"):
        return anthropic_body(error)
    if path in OLLAMA:
        return ollama_body(error)
    if path.startswith("/v1beta/") or (path.startswith("/v1/models/") and ":" in path):
        return gemini_body(error)
    if path.startswith("/v1/"):
        return openai_body(error)
    return {"error": error.to_dict()}
