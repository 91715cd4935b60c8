"""`quorum usage`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, table, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.reports.ops.usage import UsageReport

GROUPS = ("organization", "key", "model", "provider", "tag", "day")


@click.command(
    "usage", epilog=example("quorum usage --by day --since 2026-11-01", "quorum usage --by tag --csv")
)
@click.option(
    "--by", type=click.Choice(GROUPS), default="model", help="What makes a group; model by default."
)
@click.option("--since", metavar="TIME", help="Begun at or after, as 2026-11-21 or 2026-11-21T08:00Z.")
@click.option("--until", metavar="TIME", help="Begun before.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, by: str, since: str | None, until: str | None, as_csv: bool) -> None:
    """Show requests, tokens and cost by organisation, key, model, provider, tag or day."""
    given = {"group_by": by} | {
        name: time for name, time in (("since", since), ("until", until)) if time is not None
    }
    async with session.client() as quorum:
        found = cast("UsageReport", await quorum.invoke("usage", **given))
    if session.as_json:
        value(found)
        return
    if as_csv:
        from quorum_mcp.operations.table import csv_of

        data(csv_of(found.usage, type(found.total), end="\n").removesuffix("\n"))
        return
    table(
        (by, "requests", "failed", "cached", "input tokens", "output tokens", "cost"),
        (
            (
                line.name or line.group or "none",
                line.requests,
                line.failed,
                line.cached,
                line.input_tokens,
                line.output_tokens,
                usd(line.cost),
            )
            for line in (*found.usage, found.total)
        ),
    )
