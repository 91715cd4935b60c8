"""A run's events as progress notifications: a sentence for people, the event itself under `_meta`."""

import time

import msgspec
from mcp_types import ProgressNotification, ProgressNotificationParams, ProgressToken

from quorum_mcp.api.mcp.logs import log_to, logs_to
from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.events import Event

DELTA_SECONDS = 1.0
"""How often a growing text is reported; what came in between goes along in one piece."""
BEAT_SECONDS = 10.0
"""After how long a silence a client that asked for progress is told that the work goes on."""
EVENT_KEY = "quorum-mcp/event"
"""Where a notification's `_meta` carries the event."""


class Reporter:
    """Sends one tool call's progress to the client that asked for it, and a log to one that asked for that.

    `progress` counts notifications, because the protocol wants it to grow with each one and nobody knows
    beforehand how many calls a deliberation will need; so there is no `total`.
    """

    def __init__(self, ctx: Caller, token: ProgressToken | None) -> None:
        self.wanted = token is not None or logs_to(ctx)
        self._ctx = ctx
        self._token = token
        self._began = time.monotonic()
        self._count = 0
        self._deltas: dict[str, Event] = {}
        self._last_delta = 0.0
        self._last_sent = self._began

    async def __call__(self, event: Event | str) -> None:
        """Tell of an event, or in words only; deltas of one text are joined and go out once a second."""
        if isinstance(event, str):
            await self._send(event, None)
            return
        if not event.type.endswith(".delta"):
            await self._flush()
            await self._send(describe(event), event)
            grave = event.type.endswith(".failed")
            await log_to(self._ctx, "warning" if grave else "info", describe(event))
            return
        key = str(event.data.get("key", ""))
        self._deltas[key] = joined(self._deltas.get(key), event)
        if time.monotonic() - self._last_delta >= DELTA_SECONDS:
            await self._flush()

    async def beat(self) -> None:
        """Say that the work goes on: clients count their time-out from the last notification."""
        await self._flush()
        if time.monotonic() - self._last_sent >= BEAT_SECONDS / 2:
            await self._send(f"working, {time.monotonic() - self._began:.0f} s", None)

    async def _flush(self) -> None:
        if not self._deltas:
            return
        waiting, self._deltas = self._deltas, {}
        self._last_delta = time.monotonic()
        for event in waiting.values():
            await self._send(describe(event), event)

    async def _send(self, message: str, event: Event | None) -> None:
        if self._token is None:
            return
        self._count += 1
        self._last_sent = time.monotonic()
        params = ProgressNotificationParams(progress_token=self._token, progress=self._count, message=message)
        if event is not None:
            params.meta = {EVENT_KEY: msgspec.to_builtins(event)}
        await self._ctx.session.send_notification(
            ProgressNotification(params=params), related_request_id=self._ctx.request_id
        )


def joined(earlier: Event | None, later: Event) -> Event:
    """Two deltas of one text as one; a text that began anew replaces what there was."""
    if earlier is None:
        return later
    offset, text = int(earlier.data.get("offset", 0)), str(earlier.data.get("text", ""))
    start = int(later.data.get("offset", 0))
    if not offset <= start <= offset + len(text):
        return later
    data = later.data | {"offset": offset, "text": text[: start - offset] + str(later.data.get("text", ""))}
    return msgspec.structs.replace(later, data=data)


def describe(event: Event) -> str:
    """The event in a few words."""
    data = event.data
    who = str(data.get("member") or data.get("role") or "a model")
    match event.type:
        case "run.started":
            return "asking " + ", ".join(str(seat["member"]) for seat in data.get("seats", ()))
        case "round.started":
            return f"round {data.get('round')}: {data.get('role')}"
        case "call.started":
            return f"{who} is asked"
        case "call.delta" | "synthesis.delta":
            return f"{who} writes: {int(data.get('offset', 0)) + len(str(data.get('text', '')))} characters"
        case "call.finished":
            conclusion = data.get("conclusion")
            return f"{who} answered" + (f": {conclusion['text']}" if conclusion else "")
        case "call.failed":
            return f"{who} failed: {(data.get('error') or {}).get('message', 'unknown error')}"
        case "agreement.measured":
            return f"agreement: {data.get('agreement', 'measured')}"
        case _:
            return event.type.replace(".", " ")
