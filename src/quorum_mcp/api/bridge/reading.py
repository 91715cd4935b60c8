"""What a call over the bridge is given: parameters as older scripts send them, and whether its text is streamed."""

from typing import Any

from msgspec import Struct
from starlette.requests import Request

from quorum_mcp import codec
from quorum_mcp.errors import InvalidInput, Malformed
from quorum_mcp.operations.card import AnyOperation

AROUND = frozenset({"params", "stream", "id"})
"""What may stand beside `params`."""


class Given(Struct, frozen=True):
    """A call's parameters; `stream` is whether the caller wants text as it comes."""

    params: dict[str, Any]
    stream: bool = False


def given_by(request: Request, operation: AnyOperation) -> Given:
    """Read a request whose body is in its state.

    Raises:
        Malformed: the body is no JSON object, or a page sent it in another form.
        InvalidInput: a GET has parameters.
    """
    wants_events = "text/event-stream" in request.headers.get("accept", "")
    if request.method == "GET":
        if request.query_params:
            raise InvalidInput("a GET takes no parameters here", hint="send them as the JSON body of a POST")
        return Given({}, wants_events)
    found = unwrapped(_object(request), operation)
    return Given(found.params, found.stream or wants_events)


def unwrapped(body: dict[str, Any], operation: AnyOperation) -> Given:
    """The parameters themselves, or those under `params`.

    Where the operation can stream, its own `stream` counts; it may also stand beside `params`.
    """
    fields = operation.input.model_fields
    params, stream = body, False
    if isinstance(body.get("params"), dict) and "params" not in fields and body.keys() <= AROUND:
        params, stream = body["params"], body.get("stream") is True
    if "stream" in fields:
        stream = stream or params.get("stream") is True
        params = {**params, "stream": True} if stream else params
    return Given(params, stream)


def _object(request: Request) -> dict[str, Any]:
    """The body as an object; none is an empty one.

    A page of the web cannot send JSON to another origin unasked, but it can send text or nothing: so whoever names an
    origin has to send JSON.
    """
    raw: bytes = request.state.body
    kind = request.headers.get("content-type", "")
    if "origin" in request.headers and ("json" not in kind or not raw):
        raise Malformed(
            f"the body is {kind or 'of no type'}" if raw else "there is no body",
            hint="pages send JSON with content-type: application/json",
        )
    if not raw.strip():
        return {}
    try:
        body = codec.decode_foreign(raw)
    except codec.JSONError as error:
        raise Malformed(
            f"the body is not JSON: {error}", hint="check quotes, commas and the encoding (UTF-8)"
        ) from None
    if not isinstance(body, dict):
        raise Malformed("the body is not a JSON object", hint='send the parameters, or {"params": {…}}')
    return body
