"""`quorum config`."""

import click

from quorum_mcp.cli.output import table, value
from quorum_mcp.cli.session import Session, example, json_option


@click.group("config")
def command() -> None:
    """Show the settings and where each came from."""


@command.command("show", epilog=example("quorum config show", "quorum config show --serve"))
@click.option("--serve", is_flag=True, help="As `quorum serve` reads them in this working directory.")
@json_option
@click.pass_obj
def show(session: Session, serve: bool) -> None:
    """Print every setting, its value (secrets masked) and its source."""
    from quorum_mcp import codec
    from quorum_mcp.config.load import load
    from quorum_mcp.config.show import show

    rows = show(load(config=session.config, working_directory=serve))
    if session.as_json:
        value(rows)
        return
    table(
        ("setting", "value", "from"),
        ((row["key"], codec.encode_text(row["value"]), row["source"]) for row in rows),
    )
