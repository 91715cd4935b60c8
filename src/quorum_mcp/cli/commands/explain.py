"""`quorum explain`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.calls.ops.records import CallView


@click.command("explain", epilog=example("quorum sessions show ses_01…", "quorum explain call_01…"))
@click.argument("call")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, call: str) -> None:
    """Show every decision that was made for one model call."""
    async with session.client() as quorum:
        found = cast("CallView", await quorum.invoke("calls.get", call_id=call))
    if session.as_json:
        value(found)
        return
    label = " (simulated)" if found.simulated else ""
    data(f"{found.provider}/{found.model}{label}: {found.status}, {found.attempts} attempt(s)")
    data(f"tokens {found.input_tokens} in, {found.output_tokens} out; cost {usd(found.cost)}")
    if found.error:
        data(f"error: {found.error['message']}")
    for line in found.trace:
        data(f"  {line}")
