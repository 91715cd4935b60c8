"""A wire to a database server that breaks at a chosen word."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

Where = Literal["before", "after"]


class Wire:
    """Passes bytes between clients on a port of this machine and a server's unix socket.

    With `cut` set, the next time a client sends `word` its connection breaks: before the server has read that,
    or after the server has answered, with the answer lost. `down` refuses new connections from then on.
    """

    def __init__(self, socket: Path, word: bytes) -> None:
        self.port = 0
        self.cut: Where | None = None
        self.down = False
        self.stays_down = False
        self._socket = socket
        self._word = word

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        if self.down:
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_unix_connection(str(self._socket))
        back = asyncio.create_task(self._pass_on(up_reader, writer))
        try:
            while data := await reader.read(1 << 16):
                if self.cut is None or self._word not in data:
                    up_writer.write(data)
                    continue
                where, self.cut, self.down = self.cut, None, self.stays_down
                if where == "after":
                    back.cancel()
                    await asyncio.wait({back})
                    up_writer.write(data)
                    await up_reader.read(1 << 16)
                break
        except ConnectionError:
            pass
        finally:
            back.cancel()
            await asyncio.wait({back})
            for one in (writer, up_writer):
                one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()


@asynccontextmanager
async def wire(socket: Path, word: bytes) -> AsyncGenerator[Wire, None]:
    """A wire to the server on `socket`."""
    own = Wire(socket, word)
    server = await asyncio.start_server(own.serve, "127.0.0.1", 0)
    own.port = server.sockets[0].getsockname()[1]
    try:
        yield own
    finally:
        server.close()
