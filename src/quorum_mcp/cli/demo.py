"""The demo's parts: simulated providers, a server of its own, and a first question that is asked at once."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from quorum_mcp.cli.output import data, talk
from quorum_mcp.cli.session import Session
from quorum_mcp.errors import ConfigError, QuorumError

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.providers.sim.server import SimServer

QUESTION = "What is 17% of 2,340?"
NEXT_QUESTION = "How many days are there from 2026-03-01 to 2026-11-21?"
PANEL = ("sim/atlas", "sim/birch", "sim/ember", "sim/cedar", "builtin/arithmetic")
SIM_PORT = 8009
PORTS_TRIED = 50
BANNER = "SIMULATED: the sim/… models are scripted, no language models; builtin/arithmetic really computes."


def settings_in(home: Path, panel: tuple[str, ...] = PANEL) -> "Settings":
    """Settings that owe nothing to the user's: no keys, no files, so nothing can leave this machine."""
    from quorum_mcp.config.load import load

    nowhere = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}
    overrides = {"home": str(home), "panels.default": list(panel), "ollama_enable": False}
    return load(env=nowhere, cwd=home, overrides=overrides)


def free_listener(host: str, port: int) -> socket.socket:
    """A listener on the port, or on the next free one; the change is said."""
    from quorum_mcp.cli.serving import listen

    for candidate in range(port, port + PORTS_TRIED):
        try:
            listener = listen(host, candidate)
        except ConfigError:
            continue
        if candidate != port:
            talk(f"NOTE: port {port} is taken by another program, so the demo is on port {candidate}")
        return listener
    raise ConfigError(
        f"ports {port} to {port + PORTS_TRIED - 1} are all taken", hint="quorum demo --port 9000"
    )


@asynccontextmanager
async def simulated(seed: int | None, speed: float) -> "AsyncGenerator[SimServer, None]":
    """The simulated providers, on their usual port where that is free."""
    from quorum_mcp.providers.sim.app import DEFAULT_SEED
    from quorum_mcp.providers.sim.server import start

    seed = DEFAULT_SEED if seed is None else seed
    try:
        server = await start(SIM_PORT, seed=seed, speed=speed)
    except OSError:
        server = await start(0, seed=seed, speed=speed)
    async with server:
        yield server


@asynccontextmanager
async def served(
    session: Session, settings: "Settings", listener: socket.socket, sim: "SimServer"
) -> "AsyncGenerator[tuple[Callable[[], None], asyncio.Task[None]], None]":
    """The server with the simulated panel; yields what stops it, and the task that ends with it."""
    from quorum_mcp.cli.serving import Server
    from quorum_mcp.providers.registry import Registry
    from quorum_mcp.providers.sim.provider import register_sim
    from quorum_mcp.runs.service import Runs

    async with session.wiring.running(settings) as services:
        register_sim(services.get(Registry), sim.url)
        app = session.wiring.asgi(settings, loopback_bind=True, services=services)
        server, ready = Server(app, listener, leave=services.get(Runs).close), asyncio.Event()
        serving = asyncio.create_task(server.run_until_stopped(ready.set), name="server")
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            yield server.stop, serving
        finally:
            server.stop()
            await serving


async def first_question(settings: "Settings", url: str, question: str) -> None:
    """Ask as any client would, over HTTP, and show seats and answer."""
    from quorum_mcp.cli.answer import show
    from quorum_mcp.cli.progress import progress
    from quorum_mcp.client.quorum import Quorum

    talk(f"\nThe panel is asked: {question}")
    lines = progress()
    try:
        async with Quorum(url, settings=settings) as quorum:
            answer = await quorum.ask(question, mode="full_deliberation", progress=lines.see)
    except QuorumError as error:
        talk(f"error: {error.message}")
        return
    finally:
        lines.close()
    show(answer)


def invitation(url: str) -> None:
    """What to try next, ready to copy."""
    talk("")
    data("Try it yourself (in another terminal):")
    data(
        f"  curl -s {url}/api/query -H 'content-type: application/json' -d '{{\"query\": \"{NEXT_QUESTION}\"}}'"
    )
    data(f'  {_program()} --url {url} ask "{NEXT_QUESTION}"')
    data(f"or in a browser: {url}/")


def _program() -> str:
    """How this command is typed: by its name, or by its path where it is part of the working directory."""
    path = Path(sys.argv[0]).absolute()
    return f"{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else "quorum"
