"""How a run ended, read from the event that ended it."""

from typing import TYPE_CHECKING, Any

from quorum_mcp.errors import NoConsensus, QuorumError, revive
from quorum_mcp.events import ENDINGS, Event

if TYPE_CHECKING:
    from quorum_mcp.consensus.query import QueryAnswer


def answer_in(event: Event) -> "QueryAnswer | None":
    """The answer that `run.finished` holds; None for an event that ends nothing.

    Raises:
        QuorumError: the run failed or was cancelled; `details["session_id"]` names it.
    """
    if event.type not in ENDINGS:
        return None
    if event.type != "run.finished":
        error = revive(_mapping(event.data.get("error")))
        error.details.setdefault("session_id", event.run_id)
        raise error
    from quorum_mcp.consensus.query import QueryAnswer

    return QueryAnswer.model_validate(event.data["result"])


def agreed(answer: "QueryAnswer") -> "QueryAnswer":
    """The answer, if the panel agrees. Raises `NoConsensus`, which holds the answer, where it does not."""
    if answer.agreement == "agree":
        return answer
    raise NoConsensus(
        f"the panel does not agree ({answer.agreement})",
        hint="read the answers in the session, or ask without requiring consensus",
        details={"session_id": answer.session_id, "answer": answer.model_dump(mode="json")},
    )


def unfinished(session_id: str) -> QuorumError:
    """The error of a run whose events stopped without an ending."""
    return QuorumError(
        f"the events of {session_id} ended without an answer", hint="`quorum sessions show` has it"
    )


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"message": "the run ended without an answer"}
