"""What a run says when no seat answered: the seats' real errors, and the one that counts for the status."""

from collections.abc import Sequence

from quorum_mcp.consensus.reply import Reply
from quorum_mcp.errors import (
    BudgetExceeded,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
    QuorumError,
)

_KINDS: dict[str, type[QuorumError]] = {
    kind.code: kind for kind in (BudgetExceeded, ProviderRateLimited, ProviderTimeout, ProviderUnavailable)
}


def nobody_answered(replies: Sequence[Reply]) -> QuorumError:
    """One error for all seats: of their common kind, with each seat's own error in `details`."""
    errors = {reply.member: reply.error or {} for reply in replies}
    codes = {str(error.get("code")) for error in errors.values()}
    kind = _KINDS.get(codes.pop(), ProviderError) if len(codes) == 1 else ProviderError
    listed = "; ".join(f"{member}: {error.get('message', 'no answer')}" for member, error in errors.items())
    hints = [str(error["hint"]) for error in errors.values() if error.get("hint")]
    return kind(
        f"no model answered: {listed}",
        hint=hints[0] if hints else "`quorum doctor` checks keys and servers",
        details={"seats": errors},
    )
