"""`quorum explain`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, table, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.calls.ops.explain import CallDetails


@click.command("explain", epilog=example("quorum sessions show ses_01…", "quorum explain call_01…"))
@click.argument("call")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, call: str) -> None:
    """Show every decision that was made for one model call: who was asked, what was waited for, what it cost."""
    async with session.client() as quorum:
        found = cast("CallDetails", await quorum.invoke("calls.get", call_id=call))
    if session.as_json:
        value(found)
        return
    _head(found)
    data("\ndecisions, with the milliseconds since the call began")
    for line in found.trace:
        data(f"  {line}")
    if found.tries:
        data("")
        _attempts(found)


def _head(found: "CallDetails") -> None:
    label = " (simulated)" if found.simulated else ""
    data(f"{found.provider}/{found.model}{label}: {found.status}, {found.attempts} attempt(s)")
    took = "" if found.latency is None else f"; {found.latency:.2f} s"
    first = (
        ""
        if found.first_token is None
        else f", first token of the last attempt after {found.first_token:.2f} s"
    )
    data(f"tokens {found.input_tokens} in, {found.output_tokens} out; cost {usd(found.cost)}{took}{first}")
    if found.error:
        data(f"error: {found.error['message']}")


def _attempts(found: "CallDetails") -> None:
    table(
        ("attempt", "model", "at", "took", "status", "tokens", "cost"),
        (
            (
                one.n,
                f"{one.provider}/{one.model}",
                f"{one.began:.2f} s",
                None if one.latency is None else f"{one.latency:.2f} s",
                one.status if one.error is None else f"{one.status}: {one.error}",
                f"{one.input_tokens} + {one.output_tokens}{' (estimated)' if one.estimated else ''}",
                usd(one.cost),
            )
            for one in found.tries
        ),
    )
