"""Errors in Anthropic's dialect: `{"type": "error", "error": {"type", "message"}, "request_id"}`."""

from typing import Any

from quorum_mcp.errors import QuorumError

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""Anthropic's word for the kind of error, by status; the others are the server's."""


def error_body(error: QuorumError) -> dict[str, Any]:
    """The body of an error; the message ends with what to do next."""
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    said = {
        "type": TYPES.get(error.status, "api_error"),
        "message": text,
        "code": error.code,
        "details": error.to_dict()["details"],
    }
    return {"type": "error", "error": said, "request_id": error.request_id}
