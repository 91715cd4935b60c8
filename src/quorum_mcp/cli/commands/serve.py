"""`quorum serve`."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import structs

from quorum_mcp.cli.output import talk, value
from quorum_mcp.cli.session import Session, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.cli.workers import Place
    from quorum_mcp.config.settings import ServerSettings, Settings


@click.command("serve", epilog=example("quorum serve", "quorum serve --host 0.0.0.0 --port 8080"))
@click.option("--host", help="The address to listen on; default: server.host, else 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The port to listen on, 0: any free one; default: server.port, else 8000.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The quorum.yaml to read; default: the working directory's, else the user's.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    help="Processes on the one port; more than one need PostgreSQL and Redis. Each has metrics of its own: on "
    "server.metrics_port and the ports after it.",
)
@click.option(
    "--bridge/--no-bridge",
    default=None,
    help="Listen on the ports of older clients too (5050, 8765, 5002); default: server.bridge, else not.",
)
@click.option("--worker", hidden=True, help="Which of several this is; `--workers` says it to each.")
@click.option(
    "--root-path", default="", metavar="PATH", help="The path under which a proxy shows the server."
)
@click.option("--access-log", is_flag=True, help="Log every request.")
@json_option
@click.pass_obj
def command(
    session: Session,
    host: str | None,
    port: int | None,
    config: Path | None,
    workers: int,
    bridge: bool | None,
    worker: str | None,
    root_path: str,
    access_log: bool,
) -> None:
    """Start the server: web page, REST, WebSocket and MCP, until interrupted."""
    from quorum_mcp.api.bridge.ports import check_ports
    from quorum_mcp.cli.serving import listen, uvloop_factory
    from quorum_mcp.cli.workers import Workers, place, require_shared
    from quorum_mcp.config.load import load
    from quorum_mcp.observe.logs import to_stderr

    mine = place(worker)
    overrides: dict[str, object] = {"server.host": host, "server.port": port, "server.bridge": bridge}
    settings = load(config=config or session.config, overrides=overrides, working_directory=True)
    to_stderr(settings, server=True)
    if workers > 1:
        require_shared(settings, workers)
    listener = listen(settings.server.host, settings.server.port) if mine is None else mine.listener
    if workers > 1 and mine is None:
        Workers(sys.argv[1:], listener, workers).run()
        return
    if mine is not None:
        settings = structs.replace(settings, server=_of_worker(settings.server, mine.number))
    check_ports(settings)  # said here in one line; the server would only find out while it starts
    root_path = "/" + root_path.strip("/") if root_path.strip("/") else ""
    with asyncio.Runner(loop_factory=uvloop_factory()) as runner:
        runner.run(_serve(session, settings, listener, root_path, access_log=access_log, mine=mine))


def _of_worker(server: "ServerSettings", number: int) -> "ServerSettings":
    """The settings of one of several workers: each has metrics of its own, the first one has the bridge."""
    metrics = None if server.metrics_port is None else server.metrics_port + number - 1
    return structs.replace(server, metrics_port=metrics, bridge=server.bridge and number == 1)


async def _serve(
    session: Session,
    settings: "Settings",
    listener: socket.socket,
    root_path: str,
    *,
    access_log: bool,
    mine: "Place | None",
) -> None:
    from quorum_mcp.access.network import is_loopback
    from quorum_mcp.api.mcp.peers import Peers
    from quorum_mcp.cli.greeting import facts, key_advice, lines
    from quorum_mcp.cli.serving import Server, url_of
    from quorum_mcp.cli.workers import ended
    from quorum_mcp.providers.registry import Registry
    from quorum_mcp.runs.service import Runs

    host = settings.server.host
    async with session.wiring.running(settings) as services:
        if mine is not None:
            services.get(Peers).among(mine.folder, mine.number)
        app = session.wiring.asgi(settings, loopback_bind=is_loopback(host), services=services)

        def ready() -> None:
            if mine is not None and mine.number > 1:
                return
            said = facts(settings, services.get(Registry), url_of(listener), root_path)
            if session.as_json:
                value(said)
            for line in (*lines(said), *key_advice(settings, host)):
                talk(line)

        leave = services.get(Runs).close
        server = Server(app, listener, root_path=root_path, access_log=access_log, leave=leave)
        orphaned = None
        if mine is not None:
            orphaned = asyncio.create_task(ended(mine.parent))
            orphaned.add_done_callback(lambda _: server.stop())
        try:
            await server.run_until_stopped(ready)
        finally:
            if orphaned is not None:
                orphaned.cancel()
