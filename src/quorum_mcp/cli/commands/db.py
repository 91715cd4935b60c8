"""`quorum db`."""

import click

from quorum_mcp.cli.output import data, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option


@click.group("db")
def command() -> None:
    """Check or upgrade the database's schema."""


@command.command("check", epilog=example("quorum db check"))
@json_option
@click.pass_obj
@asynchronous
async def check(session: Session) -> None:
    """Say which schema the database has; status 2 when this version cannot work on it."""
    from quorum_mcp.store.schema import require_head
    from quorum_mcp.store.upgrade import check

    state = await check(session.settings().database_url)
    if session.as_json:
        value({"current": state.current, "head": state.head, "up_to_date": state.up_to_date})
    elif state.up_to_date:
        data(f"the database is at {state.head}, as this version expects")
    elif state.current is None:
        data(f"the database is empty; its first use makes it {state.head}")
    if state.current is not None:
        require_head(state.current)


@command.command("upgrade", epilog=example("quorum db upgrade"))
@json_option
@click.pass_obj
@asynchronous
async def upgrade(session: Session) -> None:
    """Bring the database to this version's schema."""
    from quorum_mcp.store.upgrade import upgrade

    state = await upgrade(session.settings().database_url)
    if session.as_json:
        value({"before": state.current, "now": state.head})
    elif state.up_to_date:
        data(f"the database is at {state.head} already")
    else:
        data(f"upgraded from {state.current or 'an empty database'} to {state.head}")
