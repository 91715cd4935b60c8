"""A single call told live: its text as the same events that a run's calls have."""

import time
from contextlib import aclosing
from typing import Any

from quorum_mcp.answers import TextDelta
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import Cancelled
from quorum_mcp.events import Event, EventType, now
from quorum_mcp.operations.context import Progress

DELTA_SECONDS = 0.05


async def told(calls: Calls, call: Call, progress: Progress) -> Result:
    """Make the call; its text goes to `progress` as `call.delta` events, at most one every 50 ms, all of it in the end.

    The events belong to no run, so their `run_id` is empty. A call that is tried again begins at offset 0.
    """
    text, shown, seq, last = "", 0, 0, 0.0

    async def tell(kind: EventType, data: dict[str, Any]) -> None:
        nonlocal seq
        seq += 1
        named = {"key": call.role, "member": call.model, "role": call.role}
        await progress(Event("", seq, now(), kind, named | data))

    await tell("call.started", {})
    async with aclosing(calls.stream(call, restartable=True)) as items:
        async for item in items:
            if isinstance(item, Result):
                if shown < len(text):
                    await tell("call.delta", {"offset": shown, "text": text[shown:]})
                return item
            if isinstance(item, Restart):
                text, shown = "", 0
            elif isinstance(item, TextDelta):
                text += item.text
                if time.monotonic() - last >= DELTA_SECONDS:
                    await tell("call.delta", {"offset": shown, "text": text[shown:]})
                    shown, last = len(text), time.monotonic()
    raise Cancelled("the call ended without an answer", model=call.model)
