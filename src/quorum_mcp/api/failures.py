"""Errors as REST answers them."""

import math

from starlette.responses import Response

from quorum_mcp import codec
from quorum_mcp.errors import QuorumError


def error_response(error: QuorumError) -> Response:
    """The error's status and `{"error": {…}}`; 429 and 503 say when to come back, 401 how to sign in."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(codec.encode({"error": error.to_dict()}), error.status, headers, "application/json")
