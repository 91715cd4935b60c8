"""Errors in Google's dialect: `{"error": {"code", "message", "status"}}`."""

from typing import Any

from quorum_mcp.errors import QuorumError

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Google's word for the kind of error, by status; the others are the server's."""


def error_body(error: QuorumError) -> dict[str, Any]:
    """The body of an error; the message ends with what to do next, `reason` is our code."""
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    info = {"reason": error.code, "domain": "quorum", "metadata": {"request_id": error.request_id or ""}}
    status = STATUSES.get(error.status, "INTERNAL")
    return {"error": {"code": error.status, "message": text, "status": status, "details": [info]}}
