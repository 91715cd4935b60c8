"""The text of models as it comes, in frames: what a run's events hold of it."""

from typing import Any

from quorum_mcp.events import Event

CHUNK = "llm_chunk"


class Chunks:
    """One call's frames of text. They add up to the text of each who writes, with what its last event still brings.

    Besides `content` a frame names who writes (`member`, `role`), because a panel's members write at once, and where in
    that text the content stands (`offset`): one that was tried again begins anew.
    """

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def of(self, event: Event | str) -> dict[str, Any] | None:
        """The frame of an event that brings text; None for any other."""
        if isinstance(event, str):
            return None
        data, key = event.data, str(event.data.get("key"))
        if event.type.endswith(".delta"):
            offset, text = int(data.get("offset", 0)), str(data.get("text", ""))
        elif event.type == "call.finished":
            offset = self._shown.get(key, 0)
            text = str(data.get("text") or "")[offset:]
        else:
            return None
        self._shown[key] = offset + len(text)
        if not text:
            return None
        named = {"member": data.get("member"), "role": data.get("role"), "offset": offset}
        return {"type": CHUNK, "content": text, **named}
