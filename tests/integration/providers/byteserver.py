"""A server on loopback that sends exactly the bytes that a test writes down, when it says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.support import http1
from tests.support.http1 import LAST, Request, chunk

__all__ = ("LAST", "ByteServer", "End", "Request", "Step", "byte_server", "chunk", "head", "whole")


class End(Enum):
    CUT = "drop the connection"
    HANG = "send nothing more, for ever"


Step = bytes | float | End
"""Bytes to send, seconds to wait, or how the connection ends."""


@dataclass
class ByteServer:
    """`answer` is called for each request; what it gives is sent step by step."""

    answer: Callable[[Request], Iterable[Step]] = lambda request: whole({})
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request has come."""
    dropped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client went away in the middle of an answer."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await http1.read_request(reader):
                self.requests.append(request)
                self.asked.set()
                if not await self._send(request, reader, writer):
                    break
        except ConnectionError:
            self.dropped.set()
        finally:
            writer.transport.abort()

    async def _send(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        for step in self.answer(request):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step is End.HANG:
                if not await reader.read(1):
                    self.dropped.set()
                return False
            else:
                return False
        return True


@asynccontextmanager
async def byte_server() -> AsyncIterator[ByteServer]:
    server = ByteServer()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**22)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def whole(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> list[Step]:
    """One JSON (or raw bytes) answer with a length."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    lines = {"content-type": "application/json", "content-length": str(len(data))} | dict(headers or {})
    return [http1.head(status, lines) + data]


def head(content_type: str) -> bytes:
    """The head of a chunked answer."""
    return http1.head(200, {"content-type": content_type, "transfer-encoding": "chunked"})
