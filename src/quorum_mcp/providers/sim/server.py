"""Serves the simulated providers: inside a running event loop (demo, tests), or in the foreground (`quorum sim`)."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from types import TracebackType

import uvicorn

from quorum_mcp.providers.sim.app import DEFAULT_SEED, SimApp

DEFAULT_PORT = 8009
_STOP_SECONDS = 1


class SimServer:
    """A running server; `url` is where it listens, without a path. As a context it stops at the end."""

    def __init__(
        self,
        app: SimApp,
        server: "_Embedded",
        task: asyncio.Task[None],
        listener: socket.socket,
        url: str,
    ) -> None:
        self.app = app
        self._listener = listener
        self.url = url
        self._server = server
        self._task = task

    async def __aenter__(self) -> "SimServer":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End open answers and stop listening; a second call does nothing."""
        self.app.closing.set()
        self._server.stopping.set()
        try:
            await self._task
        finally:
            self._listener.close()


class _Embedded(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever started it, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()  # instead of waking up ten times a second


async def start(
    port: int = 0, *, host: str = "127.0.0.1", seed: int = DEFAULT_SEED, speed: float = 1.0
) -> SimServer:
    """Serve in the running event loop.

    Args:
        port: where to listen; 0 takes a free port.
        host: the address, loopback unless told otherwise.
        seed: sets who is wrong and what is said.
        speed: of talking; 1 as the personalities, 2 twice as fast, 0 without any waiting.

    Raises:
        OSError: the port is taken.
    """
    listener = _listen(host, port)
    app = SimApp(seed=seed, speed=speed)
    server = _Embedded(_config(app))
    task = asyncio.create_task(server.serve(sockets=[listener]), name="simulated providers")
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        ready.cancel()
        await task
    address, bound = listener.getsockname()[:2]
    name = f"[{address}]" if ":" in address else address
    return SimServer(app, server, task, listener, f"http://{name}:{bound}")


def run(
    host: str = "127.0.0.1", port: int = DEFAULT_PORT, *, seed: int = DEFAULT_SEED, speed: float = 1.0
) -> None:
    """Serve in the foreground until interrupted; raises `OSError` when the port is taken."""
    asyncio.run(_foreground(host, port, seed, speed))


async def _foreground(host: str, port: int, seed: int, speed: float) -> None:
    listener = _listen(host, port)
    app = SimApp(seed=seed, speed=speed)
    server = uvicorn.Server(_config(app))
    await server.serve(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio switches Nagle off only then: it costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _config(app: SimApp) -> uvicorn.Config:
    # Answers that are cut on purpose are no errors worth a log line.
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_STOP_SECONDS,
        server_header=False,
        date_header=False,
    )
