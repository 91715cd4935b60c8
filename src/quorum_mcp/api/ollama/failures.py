"""Errors in Ollama's dialect."""

from typing import Any

from quorum_mcp.errors import QuorumError


def error_body(error: QuorumError) -> dict[str, Any]:
    """`{"error": "…"}`, with what to do next; our code beside it."""
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    return {"error": text, "code": error.code, "request_id": error.request_id}
