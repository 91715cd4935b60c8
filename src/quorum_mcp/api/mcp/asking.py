"""Asks the client's user to agree to a cost: by a round trip in the newer revision, on the line in the older one."""

from typing import Any

import msgspec
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from quorum_mcp import codec
from quorum_mcp.api.mcp.consent import Consent, Unconfirmed
from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.errors import Cancelled

ASKED = "confirm"
"""The name of the question among a request's."""
FIELD = "go_on"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {FIELD: {"type": "boolean", "title": "Go on", "default": True}},
    "required": [FIELD],
}


def answered(params: CallToolRequestParams) -> Consent | None:
    """The consent that comes with the request; None where nobody was asked yet, or has not answered.

    The state is this server's own: it was sealed for this very call, and opened before this is reached.

    Raises:
        Cancelled: the user said no.
    """
    if params.request_state is None:
        return None
    answer = (params.input_responses or {}).get(ASKED)
    if not isinstance(answer, ElicitResult):
        return None
    require_yes(answer)
    return codec.decode(params.request_state, Consent)


def require_yes(answer: ElicitResult) -> None:
    """Raise `Cancelled` unless the user agreed."""
    if answer.action != "accept" or (answer.content or {}).get(FIELD) is not True:
        raise Cancelled("the user did not agree to the cost", hint="ask for something cheaper")


def can_be_asked(ctx: Caller) -> bool:
    """Whether this client says that it can put questions to its user."""
    known = ctx.session.client_capabilities
    return known is not None and known.elicitation is not None


def question(needed: Unconfirmed) -> InputRequiredResult:
    """The result that asks the client to ask, and to call again."""
    form = ElicitRequestFormParams(message=needed.question, requested_schema=SCHEMA)
    return InputRequiredResult(
        input_requests={ASKED: ElicitRequest(params=form)},
        request_state=msgspec.json.encode(needed.consent).decode(),
    )


async def ask_now(ctx: Caller, needed: Unconfirmed) -> Consent:
    """Ask while the call waits, as the older revision does. Raises `Cancelled` on a no."""
    answer = await ctx.session.elicit_form(needed.question, SCHEMA, related_request_id=ctx.request_id)
    require_yes(answer)
    return needed.consent


def is_modern(ctx: Caller) -> bool:
    """Whether the caller speaks the revision without requests from the server."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
