"""One HTTP exchange of the simulated server, over plain ASGI: only there can an answer hang or break off."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from quorum_mcp.codec import encode
from quorum_mcp.ids import new_id

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MAX_BODY = 16 * 1024 * 1024
"""Bytes that a request may have."""


class Gone(Exception):
    """The client hung up, or the server stops."""


class Exchange:
    """A request and the answer to it. Use it as a context: then `pause` notices when the client hangs up."""

    def __init__(self, scope: Message, receive: Receive, send: Send, closing: asyncio.Event) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[str, str] = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        self.local_address: str | None = scope["server"][0] if scope.get("server") else None
        self._receive = receive
        self._send = send
        self._closing = closing
        self._gone = asyncio.Event()
        self._watchers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def body(self) -> bytes | None:
        """The request's body; None where it is too large. From now on `pause` notices a client that hangs up."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY:
                return None
            if not message.get("more_body"):
                break
        self._watchers = [
            asyncio.create_task(self._watch_client()),
            asyncio.create_task(self._watch_server()),
        ]
        return b"".join(chunks)

    async def pause(self, seconds: float | None) -> None:
        """Wait, for ever with None; raises `Gone` as soon as nobody waits for the answer any more."""
        if seconds is not None and seconds <= 0 and not self._gone.is_set():
            return
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return
        raise Gone

    async def json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        """A whole answer."""
        body = encode(value)
        await self.begin(status, "application/json", {"content-length": str(len(body)), **(headers or {})})
        await self.write(body)
        await self.end()

    async def begin(self, status: int, content_type: str, headers: dict[str, str] | None = None) -> None:
        """The head of an answer."""
        all_headers = {
            "content-type": content_type,
            "x-simulated": "true",
            "x-request-id": new_id("sim"),
            **(headers or {}),
        }
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in all_headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        """More of the body; raises `Gone` when nobody reads it."""
        if self._gone.is_set():
            raise Gone
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """The end of the body. Without it the server drops the connection: that is how an answer is cut."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()

    async def _watch_server(self) -> None:
        await self._closing.wait()
        self._gone.set()
