"""A WebSocket by hand: whatever bytes a test wants to send, at whatever pace."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

TEXT, BINARY, CONTINUED, CLOSE, PING = 0x1, 0x2, 0x0, 0x8, 0x9


class Raw:
    """One connection. Nothing is read unless the test asks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def closed(self, seconds: float = 5.0) -> int | None:
        """Read until the server closes: the code of its close frame, None where it just went."""
        code: int | None = None
        async with asyncio.timeout(seconds):
            try:
                while True:
                    head = await self.reader.readexactly(2)
                    size = head[1] & 0x7F
                    if size >= 126:
                        size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                    data = await self.reader.readexactly(size)
                    if head[0] & 0x0F == CLOSE:
                        code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
            except (asyncio.IncompleteReadError, ConnectionError):
                return code


@asynccontextmanager
async def raw(url: str, *, limit: int = 1 << 16, **headers: str) -> AsyncIterator[Raw]:
    """A connection after its handshake."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=limit)
    try:
        lines = {
            "host": where.netloc, "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
        } | headers  # fmt: skip
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"GET {where.path} HTTP/1.1\r\n{head}\r\n".encode())
        status = await reader.readuntil(b"\r\n\r\n")
        assert status.startswith(b"HTTP/1.1 101"), status
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def frame(data: bytes, kind: int = TEXT, *, last: bool = True, bits: int = 0, masked: bool = True) -> bytes:
    """A client's frame; `bits` are the three reserved ones."""
    size = len(data)
    mask = 0x80 if masked else 0
    if size < 126:
        length = bytes([mask | size])
    elif size < 1 << 16:
        length = bytes([mask | 126]) + struct.pack("!H", size)
    else:
        length = bytes([mask | 127]) + struct.pack("!Q", size)
    return bytes([(0x80 if last else 0) | bits << 4 | kind]) + length + (bytes(4) if masked else b"") + data
