"""A Quorum server for a test: in this process (`serving`), or one of its own that can be killed (`Server`)."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from starlette.types import ASGIApp
from tests.support.rest import Rest
from tests.support.stores import database_variables
from tests.support.upstream import Upstream, upstream

from quorum_mcp.app import asgi, running
from quorum_mcp.config.load import load
from quorum_mcp.providers.registry import Registry
from quorum_mcp.providers.sim.provider import register_sim

Config = Mapping[str, Any]
QUICK_RETRY = {"attempts": 3, "min_seconds": 0.05, "max_seconds": 0.1}
PRICE = {"input_per_million": 1.0, "output_per_million": 2.0}


def config(upstream_url: str, *, price: Mapping[str, float] | None = PRICE, **more: Any) -> dict[str, Any]:
    """A quorum.yaml with the provider `lab` at `upstream_url`, listed by itself, and retries that do not dawdle."""
    lab: dict[str, Any] = {"wire": "openai", "base_url": upstream_url}
    if price is not None:
        lab["price"] = dict(price)
    return {"providers": {"lab": lab}, "retry": QUICK_RETRY} | more


def environment(home: Path, config_file: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a server that sees nothing of its user's own set-up."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH", "TMPDIR") if name in os.environ}
    own = {
        "HOME": str(home),
        "QUORUM_HOME": str(home),
        "QUORUM_CONFIG": str(config_file),
        "OLLAMA_ENABLE": "false",
    }
    return kept | own | database_variables(home) | dict(env)


def write_config(home: Path, given: Config | str) -> Path:
    """The quorum.yaml of this home."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "quorum.yaml"
    file.write_text(given if isinstance(given, str) else yaml.safe_dump(dict(given), sort_keys=False))
    return file


class Embedded(uvicorn.Server):
    """uvicorn without its signal handlers, which ends as soon as it is told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.stopping.wait()


@asynccontextmanager
async def serving(
    home: Path,
    given: Config | str,
    *,
    loopback_bind: bool = True,
    host: str = "127.0.0.1",
    sim: str | None = None,
    **env: str,
) -> AsyncIterator[Rest]:
    """A server on a free port, in this event loop, and a client of it; `sim` is the simulated panel's address."""
    file = write_config(home, given)
    settings = load(config=file, env=environment(home, file, env), cwd=home)
    async with AsyncExitStack() as stack:
        services = None
        if sim is not None:
            services = await stack.enter_async_context(running(settings))
            register_sim(services.get(Registry), sim)
        app = asgi(settings, loopback_bind=loopback_bind, services=services)
        yield await stack.enter_async_context(listening(app, host))


@asynccontextmanager
async def listening(app: ASGIApp, host: str) -> AsyncIterator[Rest]:
    """An application on a free port, in this event loop, and a client of it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((host, 0))
    server = Embedded(
        uvicorn.Config(
            app, log_config=None, access_log=False, log_level="warning",
            timeout_graceful_shutdown=2, lifespan="on",
        )
    )  # fmt: skip
    task = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    rest = Rest(f"http://{host}:{listener.getsockname()[1]}")
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.005)
        yield rest
    finally:
        await rest.close()
        server.stopping.set()
        try:
            await asyncio.wait_for(task, 20)
        finally:
            listener.close()


@asynccontextmanager
async def scripted(home: Path, **more: Any) -> AsyncIterator[tuple[Upstream, Rest]]:
    """An upstream without models, and a server that has it as the provider `lab`; `more` goes to `config`."""
    async with upstream() as up, serving(home, config(up.url, **more)) as rest:
        yield up, rest


class Server:
    """A server process on a free port; what it writes goes to `home`/server.log.

    Args:
        home: its QUORUM_HOME: configuration, database and journal.
        given: its quorum.yaml, as text or as a tree.
        env: more variables.
        command: what to run instead; `{port}` in it is the port.
    """

    def __init__(
        self, home: Path, given: Config | str, *, command: tuple[str, ...] | None = None, **env: str
    ) -> None:
        self.home = home
        self.env = environment(home, write_config(home, given), env)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = command or (sys.executable, "-m", "quorum_mcp", "serve", "--port", "{port}")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = 20.0) -> "Server":
        """Start it and return when it is ready."""
        line = [part.format(port=self.port) for part in self._command]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(line, env=self.env, cwd=self.home, stdout=log, stderr=log)
        until = time.monotonic() + seconds
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log()}")
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """End it as a power cut would (kill -9)."""
        self._end(signal.SIGKILL)

    def stop(self, *, seconds: float = 10.0) -> int:
        """Ask it to end, and return its exit status."""
        return self._end(signal.SIGTERM, seconds)

    async def started(self) -> "Server":
        """As `start`, for a test whose event loop has to go on."""
        return await asyncio.to_thread(self.start)

    def log(self) -> str:
        """What it wrote so far."""
        file = self.home / "server.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def __enter__(self) -> "Server":
        return self if self.process else self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def _end(self, how: signal.Signals, seconds: float = 10.0) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/health/ready", timeout=2) as answer:
                return json.load(answer) is not None
        except (OSError, urllib.error.URLError):
            return False


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
