"""Errors in OpenAI's dialect: `{"error": {"message", "type", "param", "code"}}`, with our status; `reason` is our code."""

from typing import Any

from quorum_mcp.errors import QuorumError

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""OpenAI's word for the kind of error, by status; the others are the server's."""

CODES = {
    "budget_exceeded": "insufficient_quota",
    "provider_content_filtered": "content_filter",
    "provider_context_too_long": "context_length_exceeded",
    "provider_model_missing": "model_not_found",
    "queue_full": "rate_limit_exceeded",
    "rate_limited": "rate_limit_exceeded",
    "unauthenticated": "invalid_api_key",
}
"""OpenAI's code where it has a word of its own for what our code says: clients look for it."""


def error_body(error: QuorumError) -> dict[str, Any]:
    """The body of an error; the message ends with what to do next."""
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    return {
        "error": {
            "message": text,
            "type": TYPES.get(error.status, "server_error"),
            "param": None,
            "code": CODES.get(error.code, error.code),
            "reason": error.code,
            "request_id": error.request_id,
            "details": error.to_dict()["details"],
        }
    }
