"""`quorum mcp`."""

from typing import TYPE_CHECKING

import click

from quorum_mcp.cli.session import Session, asynchronous, example

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from quorum_mcp.config.settings import Settings
    from quorum_mcp.operations.context import Services


@click.command(
    "mcp", epilog=example("quorum mcp --toolsets default,models", "claude mcp add quorum -- quorum mcp")
)
@click.option("--toolsets", help="Which tools to list, separated by commas; `all` lists every one.")
@click.option("--json", is_flag=True, expose_value=False, help="No effect: MCP is JSON.")
@click.pass_obj
@asynchronous
async def command(session: Session, toolsets: str | None) -> None:
    """Speak MCP over standard input and output, for hosts that start this command.

    With QUORUM_URL set, a running server does the work. Nothing is read from the working directory.
    """
    from quorum_mcp.api.mcp.stdio import run
    from quorum_mcp.api.mcp.toolsets import check

    named = [name.strip() for name in (toolsets or "").split(",") if name.strip()]
    check(named)

    def start(settings: "Settings") -> "AbstractAsyncContextManager[Services]":
        return session.wiring.running(settings, take_over=False)

    await run(start, config=session.config, url=session.url, toolsets=named)
