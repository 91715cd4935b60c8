"""Streams of the older revision that a client takes up again with the last number that it has (`Last-Event-ID`).

What a call's stream carried is kept while the call goes on and for a minute after its answer. It belongs to one
session: nobody else's number leads to it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import (
    GET_STREAM_KEY,
    EventCallback,
    EventMessage,
    EventStore,
    StreamableHTTPServerTransport,
)
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


class Sessions(StreamableHTTPSessionManager):
    """The SDK's sessions, each with a memory of its own for what its streams carried.

    The SDK would share one: streams are named by the numbers of requests, which all sessions have in common.

    `name` gives a new session its id, from the one that the SDK made.
    """

    def __init__(self, server: Server[Any], name: Callable[[str], str], **options: Any) -> None:
        super().__init__(server, retry_interval=RETRY_MILLISECONDS, **options)
        self._name = name

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        """A new session, under the name that it is to have instead of the SDK's."""
        transport = super()._admit_session(requestor)
        if transport is not None and (first := transport.mcp_session_id) is not None:
            transport.mcp_session_id = name = self._name(first)
            self._server_instances[name] = self._server_instances.pop(first)
            if requestor is not None:
                self._session_owners[name] = self._session_owners.pop(first)
        return transport

    @property
    def event_store(self) -> EventStore | None:
        """A new memory: it is asked for once for each session that begins."""
        return Sent()

    @event_store.setter
    def event_store(self, _: EventStore | None) -> None: ...


class Stream:
    """What one stream carried, the latest last."""

    def __init__(self) -> None:
        self.events: deque[tuple[int, JSONRPCMessage]] = deque(maxlen=MOST_EVENTS)
        self.ended = False
        """Whether the call's answer is there, or the stream is not kept any more: nothing comes after that."""
        self.news = asyncio.Event()

    def add(self, number: int, message: JSONRPCMessage) -> None:
        """Keep a message and tell whoever waits for it."""
        self.events.append((number, message))
        self.ended = isinstance(message, JSONRPCResponse | JSONRPCError)
        self.news.set()

    def end(self) -> None:
        """Let nobody wait for more."""
        self.ended = True
        self.news.set()

    async def send(
        self, after: int, sending: Callable[[int, JSONRPCMessage], Awaitable[None]], *, all_: bool
    ) -> None:
        """Send what came after this number; with `all_` up to the end, what comes from now on too."""
        while True:
            self.news.clear()
            for number, message in list(self.events):
                if number > after:
                    await sending(number, message)
                    after = number
            if self.events and self.events[-1][0] > after:
                continue  # it came while the others were sent
            if self.ended or not all_:
                return
            await self.news.wait()


class Sent(EventStore):
    """What the streams of one session carried."""

    def __init__(self) -> None:
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._last = 0

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep a message; None begins the stream, or goes on with it. Returns the number that goes along."""
        self._last += 1
        stream = self._streams.get(stream_id)
        if stream is None or (message is None and stream.ended):
            stream = self._streams[stream_id] = Stream()
        self._streams.move_to_end(stream_id)
        if len(self._streams) > MOST_STREAMS:
            self._streams.popitem(last=False)[1].end()
        if message is not None:
            stream.add(self._last, message)
            if stream.ended:
                asyncio.get_running_loop().call_later(KEEP_SECONDS, self._forget, stream_id, stream)
        return f"{self._last}.{stream_id}"

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what the stream of this number carried since, up to the answer.

        Returns the stream where the SDK has to go on: with what belongs to no call. For a call's stream it would
        miss what comes just then, so that is followed to its end here.
        """
        number, _, stream_id = last_event_id.partition(".")
        stream = self._streams.get(stream_id)
        if stream is None or not (number.isascii() and number.isdigit() and len(number) < MOST_DIGITS):
            return None

        async def sending(at: int, message: JSONRPCMessage) -> None:
            await send_callback(EventMessage(message, f"{at}.{stream_id}"))

        own = stream_id != GET_STREAM_KEY
        await stream.send(int(number), sending, all_=own)
        return None if own else stream_id

    def _forget(self, stream_id: str, stream: Stream) -> None:
        if self._streams.get(stream_id) is stream:
            del self._streams[stream_id]
