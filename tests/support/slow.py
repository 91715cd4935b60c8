"""A wire to a database server that is slow, or swallows everything."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class SlowWire:
    """Passes bytes between clients on a port of this machine and a server's unix socket.

    Attributes:
        delay: seconds that every piece of what the server says is held back.
        dead: whether nothing gets through in either direction, while connections stay open.
        clients: how many are connected; `most` is how many there were at once.
    """

    def __init__(self, socket: Path) -> None:
        self.port = 0
        self.delay = 0.0
        self.dead = False
        self.clients = 0
        self.most = 0
        self._socket = socket

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.clients += 1
        self.most = max(self.most, self.clients)
        up_reader, up_writer = await asyncio.open_unix_connection(str(self._socket))
        both = [
            asyncio.create_task(self._pass_on(reader, up_writer, slow=False)),
            asyncio.create_task(self._pass_on(up_reader, writer, slow=True)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.clients -= 1
            for task in both:
                task.cancel()
            for one in (writer, up_writer):
                one.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                if not self.dead:
                    writer.write(data)


@asynccontextmanager
async def slow_wire(socket: Path) -> AsyncGenerator[SlowWire, None]:
    """A wire to the server on `socket`, as fast as any at first."""
    own, tasks = SlowWire(socket), set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(own.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    own.port = listener.sockets[0].getsockname()[1]
    try:
        yield own
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
