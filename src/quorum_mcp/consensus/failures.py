"""What a run says when no seat answered: the seats' real errors, and the one that counts for the status."""

from collections.abc import Sequence

from quorum_mcp.consensus.reply import Reply
from quorum_mcp.errors import ProviderError, QuorumError, revive


def nobody_answered(replies: Sequence[Reply]) -> QuorumError:
    """One error for all seats: of their common kind, with each seat's own error in `details`."""
    errors = {reply.member: reply.error or {} for reply in replies}
    codes = {str(error.get("code")) for error in errors.values()}
    kind = type(revive({"code": codes.pop()})) if len(codes) == 1 else ProviderError
    waits = [
        error["details"]["retry_after"]
        for error in errors.values()
        if "retry_after" in error.get("details", {})
    ]
    listed = "; ".join(f"{member}: {error.get('message', 'no answer')}" for member, error in errors.items())
    hints = [str(error["hint"]) for error in errors.values() if error.get("hint")]
    return kind(
        f"no model answered: {listed}",
        hint=hints[0] if hints else "`quorum doctor` checks keys and servers",
        retry_after=min(waits) if waits else None,
        details={"seats": errors},
    )
