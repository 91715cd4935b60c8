"""Connections that last: their caller is asked for again, since a key may end before they do."""

import time
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Send

from quorum_mcp.access.principal import Principal
from quorum_mcp.errors import Forbidden, StoreUnavailable, Unauthenticated

CHECK_SECONDS = 1.0
USER_SECONDS = 330.0
"""When a user's token is looked at again: tokens expire in minutes, and an answer that a tool waits for longer than
that (q_out: 300 s) has to arrive all the same. What outlasts this ends with the token."""
ENDED = 4401
_STREAMED = frozenset({"http.response.body", "websocket.send"})


class Lasting:
    """Whether the caller of one exchange would still be let in."""

    def __init__(self, who: Principal, again: Callable[[], Awaitable[Principal]]) -> None:
        self._who = who
        self._again = again
        self.next = time.monotonic() + (USER_SECONDS if who.kind == "user" else CHECK_SECONDS)
        """When it is time to ask again, on the monotonic clock."""
        self._over = False

    async def ended(self) -> bool:
        """Whether the caller is not let in any more; asked once a second at most."""
        if self._over or time.monotonic() < self.next:
            return self._over
        self.next = time.monotonic() + CHECK_SECONDS
        try:
            self._over = (await self._again()).id != self._who.id
        except (Unauthenticated, Forbidden):
            self._over = True
        except StoreUnavailable:
            pass  # nobody knows better at the moment
        return self._over


class LastingMessages:
    """The messages of one exchange. Nothing more is streamed to, or taken from, a caller who would not be let in now.

    A plain answer that is on its way is not held back: whoever asked was let in.
    """

    def __init__(self, receive: Receive, send: Send, lasting: Lasting) -> None:
        self._receive = receive
        self._send = send
        self._lasting = lasting
        self._over = False

    async def receive(self) -> Message:
        """The next message from the client."""
        message = await self._receive()
        if message["type"] == "websocket.receive" and await self._lasting.ended():
            await self._end("websocket.send")
            return {"type": "websocket.disconnect", "code": ENDED}
        return message

    async def send(self, message: Message) -> None:
        """Send a message to the client."""
        kind = message["type"]
        if self._over:
            return
        streamed = kind in _STREAMED and (kind != "http.response.body" or message.get("more_body", False))
        if streamed and await self._lasting.ended():
            await self._end(kind)
            return
        await self._send(message)

    async def _end(self, kind: str) -> None:
        if self._over:
            return
        self._over = True
        if kind == "http.response.body":
            await self._send({"type": kind, "body": b"", "more_body": False})
        else:
            await self._send({"type": "websocket.close", "code": ENDED, "reason": Unauthenticated.code})
