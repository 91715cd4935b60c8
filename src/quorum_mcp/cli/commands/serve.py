"""`quorum serve`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quorum_mcp.cli.output import talk, value
from quorum_mcp.cli.session import Session, example, json_option
from quorum_mcp.errors import ConfigError

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings


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
@click.option("--workers", type=int, default=1, help="Processes; this version runs one.")
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
    root_path: str,
    access_log: bool,
) -> None:
    """Start the server: web page, REST, WebSocket and MCP, until interrupted."""
    from quorum_mcp.cli.serving import uvloop_factory
    from quorum_mcp.config.load import load
    from quorum_mcp.observe.logs import to_stderr

    if workers != 1:
        raise ConfigError(
            f"--workers {workers} needs PostgreSQL and Redis, which this version does not have: limits and live events are per process",
            hint="leave --workers out; one process serves many callers at once",
        )
    overrides = {"server.host": host, "server.port": port}
    settings = load(config=config or session.config, overrides=overrides, working_directory=True)
    to_stderr(settings, server=True)
    root_path = "/" + root_path.strip("/") if root_path.strip("/") else ""
    with asyncio.Runner(loop_factory=uvloop_factory()) as runner:
        runner.run(_serve(session, settings, root_path, access_log=access_log))


async def _serve(session: Session, settings: "Settings", root_path: str, *, access_log: bool) -> None:
    from quorum_mcp.access.network import is_loopback
    from quorum_mcp.cli.greeting import facts, key_advice, lines
    from quorum_mcp.cli.serving import Server, listen, url_of
    from quorum_mcp.providers.registry import Registry
    from quorum_mcp.runs.service import Runs

    host = settings.server.host
    listener = listen(host, settings.server.port)
    async with session.wiring.running(settings) as services:
        app = session.wiring.asgi(settings, loopback_bind=is_loopback(host), services=services)

        def ready() -> None:
            said = facts(settings, services.get(Registry), url_of(listener), root_path)
            if session.as_json:
                value(said)
            for line in (*lines(said), *key_advice(settings, host)):
                talk(line)

        leave = services.get(Runs).close
        server = Server(app, listener, root_path=root_path, access_log=access_log, leave=leave)
        await server.run_until_stopped(ready)
