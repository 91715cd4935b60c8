"""`quorum providers`."""

import click

from quorum_mcp.cli.output import table, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option


@click.command("providers", epilog=example("quorum providers"))
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session) -> None:
    """List the providers: their state, and what those lack that cannot be used."""
    async with session.client() as quorum:
        found = await quorum.providers()
    if session.as_json:
        value(found)
        return
    table(
        ("provider", "status", "default model", "models", "why"),
        (
            (p.name + (" (simulated)" if p.simulated else ""), p.status, p.model, len(p.models), p.reason)
            for p in found.providers
        ),
    )
