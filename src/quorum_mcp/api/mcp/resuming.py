"""Streams of the older revision that a client takes up again with the last number that it has (`Last-Event-ID`).

What a call's stream carried is kept while the call goes on and for a minute after its answer. It belongs to one
session: nobody else's number leads to it.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse

RETRY_MILLISECONDS = 1_000
"""After how long a client should come back to a stream that ended early."""
KEEP_SECONDS = 60.0
MOST_STREAMS = 32
"""Of one session; the one used longest ago goes first."""
MOST_EVENTS = 256
"""Of one stream; a client that missed more has the latest of them."""
MOST_DIGITS = 19

Kept = deque[tuple[int, JSONRPCMessage]]


class Sessions(StreamableHTTPSessionManager):
    """The SDK's sessions, each with a memory of its own for what its streams carried.

    The SDK would share one: streams are named by the numbers of requests, which all sessions have in common.
    """

    def __init__(self, server: Server[Any], **options: Any) -> None:
        super().__init__(server, retry_interval=RETRY_MILLISECONDS, **options)

    @property
    def event_store(self) -> EventStore | None:
        """A new memory: it is asked for once for each session that begins."""
        return Sent()

    @event_store.setter
    def event_store(self, _: EventStore | None) -> None: ...


class Sent(EventStore):
    """What the streams of one session carried."""

    def __init__(self) -> None:
        self._streams: OrderedDict[str, Kept] = OrderedDict()
        self._last = 0

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep a message; None begins the stream, or goes on with it. Returns the number that goes along."""
        self._last += 1
        kept = self._streams.get(stream_id)
        if kept is None or (message is None and _ended(kept)):
            kept = self._streams[stream_id] = deque(maxlen=MOST_EVENTS)
        self._streams.move_to_end(stream_id)
        if len(self._streams) > MOST_STREAMS:
            self._streams.popitem(last=False)
        if message is not None:
            kept.append((self._last, message))
            if _ended(kept):
                asyncio.get_running_loop().call_later(KEEP_SECONDS, self._forget, stream_id, kept)
        return f"{self._last}.{stream_id}"

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what the stream of this number carried since. Returns the stream, if it goes on."""
        number, _, stream_id = last_event_id.partition(".")
        kept = self._streams.get(stream_id)
        if kept is None or not (number.isascii() and number.isdigit() and len(number) < MOST_DIGITS):
            return None
        for at, message in list(kept):
            if at > int(number):
                await send_callback(EventMessage(message, f"{at}.{stream_id}"))
        return None if _ended(kept) else stream_id

    def _forget(self, stream_id: str, kept: Kept) -> None:
        if self._streams.get(stream_id) is kept:
            del self._streams[stream_id]


def _ended(kept: Kept) -> bool:
    """Whether the call's answer is there: nothing comes after it."""
    return bool(kept) and isinstance(kept[-1][1], JSONRPCResponse | JSONRPCError)
