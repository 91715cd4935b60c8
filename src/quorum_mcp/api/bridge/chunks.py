"""The text of models as it comes, in frames: what a run's events hold of it."""

from typing import Any

from quorum_mcp.events import Event

CHUNK = "llm_chunk"


def chunk_of(event: Event | str) -> dict[str, Any] | None:
    """The frame of an event that brings text; None for any other.

    Besides `content` it names who writes (`member`, `role`), because a panel's members write at once, and where in that
    text the content stands (`offset`): one that was tried again begins anew.
    """
    if isinstance(event, str) or not event.type.endswith(".delta"):
        return None
    data = event.data
    return {
        "type": CHUNK,
        "content": str(data.get("text", "")),
        "member": data.get("member"),
        "role": data.get("role"),
        "offset": data.get("offset"),
    }
