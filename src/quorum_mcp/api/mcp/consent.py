"""Whether a person agreed to what a call may cost, where it may cost more than the settings let pass unasked."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from quorum_mcp import money
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ApprovalRequired, BudgetExceeded, QuorumError
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.invoke import validate


class Consent(Struct, frozen=True):
    """A person's yes.

    Attributes:
        nanos: up to which cost, in nanodollars; None: whatever it is, because it was told as unknown.
        relayed: the state of the server that asked, where this process only passes calls on.
    """

    nanos: int | None = None
    relayed: str | None = None

    def covers(self, nanos: int | None) -> bool:
        """Whether the yes was to at least this cost."""
        return self.nanos is None or (nanos is not None and nanos <= self.nanos)


class Unconfirmed(ApprovalRequired):
    """A person has to agree first: `question` is what to ask, `consent` what a yes amounts to."""

    def __init__(self, question: str, consent: Consent) -> None:
        super().__init__(
            question.removesuffix(" Go on?"),
            hint="use a client that can ask its user, a cheaper panel, or raise mcp.confirm_above in quorum.yaml",
        )
        self.question = question
        self.consent = consent


async def require_consent(
    operation: AnyOperation, arguments: Mapping[str, Any], context: Context, consent: Consent | None
) -> None:
    """Raise `Unconfirmed` where the call may cost more than `mcp.confirm_above` and nobody agreed to that."""
    bound = context.get(Settings).mcp.confirm_above
    if bound is None or operation.worst_case is None:
        return
    try:
        context.principal.require(operation.scopes)
        nanos = await operation.worst_case(context, validate(operation.input, arguments))
    except BudgetExceeded:
        nanos = None  # no price is known
    except QuorumError as error:
        error.request_id = error.request_id or context.request_id
        raise
    if nanos is not None and nanos <= money.from_usd(bound):
        return
    if consent is not None and consent.covers(nanos):
        return
    what = "what it costs cannot be known" if nanos is None else f"it may cost up to {money.show(nanos)}"
    raise Unconfirmed(f"{operation.title or operation.name}: {what}. Go on?", Consent(nanos))
