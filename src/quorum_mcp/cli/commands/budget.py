"""`quorum budget`."""

from typing import Any

import click

from quorum_mcp.cli.output import data, table, talk, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option, work

PERIODS = click.Choice(["hourly", "daily", "weekly", "monthly", "total"])


@click.group(
    "budget",
    invoke_without_command=True,
    epilog=example(
        "quorum budget", "quorum budget set daily 5", "quorum budget set monthly 50 --provider openai"
    ),
)
@json_option
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show, set and remove budgets; without a command, show how they stand."""
    if ctx.invoked_subcommand is None:
        work(_list(ctx.obj))


async def _list(session: Session) -> None:
    async with session.client() as quorum:
        found: Any = await quorum.invoke("budget.list")
    if session.as_json:
        value(found)
        return
    _table(found.budgets)
    spent = getattr(found, "global").total_spent
    talk(f"{usd(spent)} were spent in all")


@command.command(
    "set", epilog=example("quorum budget set daily 5", "quorum budget set weekly 20 --key key_01…")
)
@click.argument("period", type=PERIODS)
@click.argument("limit", type=float, metavar="USD")
@click.option("--provider", metavar="NAME", help="Only for this provider.")
@click.option("--organization", metavar="NAME", help="Only for this organisation, by name or id.")
@click.option("--key", "key_id", metavar="ID", help="Only for this API key.")
@click.option(
    "--alert", "alert_threshold", type=float, metavar="SHARE", help="Alert at this share of it; default 0.8."
)
@click.option("--no-enforce", "lenient", is_flag=True, help="Only alert; refuse nothing.")
@json_option
@click.pass_obj
@asynchronous
async def set_budget(session: Session, lenient: bool, **given: Any) -> None:
    """Set a budget of USD for each PERIOD; one of the same period and scope is replaced."""
    fields = {name: one for name, one in given.items() if one is not None}
    async with session.client() as quorum:
        made = await quorum.invoke("budget.set", **fields, enforce=not lenient)
    if session.as_json:
        value(made)
    else:
        _table([made])


@command.command("delete", epilog=example("quorum budget delete bud_…"))
@click.argument("budget_id", metavar="ID")
@json_option
@click.pass_obj
@asynchronous
async def delete(session: Session, budget_id: str) -> None:
    """Remove a budget."""
    async with session.client() as quorum:
        gone: Any = await quorum.invoke("budget.delete", budget_id=budget_id)
    if session.as_json:
        value(gone)
    else:
        data(f"{gone.id} is removed")


@command.command("alerts", epilog=example("quorum budget alerts"))
@json_option
@click.pass_obj
@asynchronous
async def alerts(session: Session) -> None:
    """Show the last alerts, newest first."""
    async with session.client() as quorum:
        found: Any = await quorum.invoke("budget.alerts")
    if session.as_json:
        value(found)
        return
    table(
        ("when", "budget", "alert"), ((one.timestamp[:16], one.budget, one.message) for one in found.alerts)
    )


@command.command("reconcile", epilog=example("quorum budget reconcile"))
@json_option
@click.pass_obj
@asynchronous
async def reconcile(session: Session) -> None:
    """Free what a machine had set aside that is lost for good, its journal too.

    Only slices that have expired and whose journal is not on this machine. What the lost journal held is not
    counted then.
    """
    async with session.client() as quorum:
        found: Any = await quorum.invoke("budget.reconcile")
    if session.as_json:
        value(found)
    else:
        data(f"{usd(found.returned)} of {found.leases} lost slices are free again")


def _table(budgets: list[Any]) -> None:
    table(
        ("budget", "period", "for", "limit", "spent", "reserved", "remaining", "used", "set by", "resets"),
        (
            (
                one.id,
                one.period,
                one.key_id or one.organization or one.provider or "all",
                usd(one.limit) + ("" if one.enforce else " (alerts only)"),
                usd(one.spent),
                usd(one.reserved),
                "closed" if one.closed else usd(one.remaining),
                f"{one.percentage:.0f} %",
                one.origin,
                one.resets_at and one.resets_at[:16],
            )
            for one in budgets
        ),
    )
