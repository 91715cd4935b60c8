"""A plain TCP balancer: each connection goes to the next server, and past servers that refuse it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress


class Balancer:
    """Knows nothing of what it passes on, and keeps nobody with the server that it had before.

    `taken` counts the connections that each server took, by its port.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.url = ""
        self.taken = dict.fromkeys(ports, 0)
        self._ports = list(ports)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        for _ in self._ports:
            port = self._ports.pop(0)
            self._ports.append(port)
            with suppress(ConnectionError):
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.transport.abort()
            return
        self.taken[port] += 1
        both = [
            asyncio.create_task(_pass_on(reader, up_writer)),
            asyncio.create_task(_pass_on(up_reader, writer)),
        ]
        try:
            await asyncio.wait(both)
        finally:
            for task in both:
                task.cancel()
            for one in (writer, up_writer):
                one.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of one direction; its end is passed on too."""
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError, OSError):
        writer.write_eof()


@asynccontextmanager
async def balancer(ports: Sequence[int]) -> AsyncGenerator[Balancer, None]:
    """A balancer before the servers on these ports of this machine."""
    own, tasks = Balancer(ports), set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(own.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    own.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield own
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
