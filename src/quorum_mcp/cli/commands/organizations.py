"""`quorum organizations`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, table, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.access.ops.organizations import OrganizationList, OrganizationView


@click.group("organizations", epilog=example("quorum organizations create acme", "quorum organizations list"))
def command() -> None:
    """Make, list and delete organisations: each sees its own records only."""


@command.command("create", epilog=example("quorum organizations create acme"))
@click.argument("name")
@json_option
@click.pass_obj
@asynchronous
async def create(session: Session, name: str) -> None:
    """Make an organisation."""
    async with session.client() as quorum:
        made = cast("OrganizationView", await quorum.invoke("organizations.create", name=name))
    if session.as_json:
        value(made)
    else:
        data(made.id)


@command.command("list", epilog=example("quorum organizations list"))
@json_option
@click.pass_obj
@asynchronous
async def listing(session: Session) -> None:
    """List the organisations."""
    async with session.client() as quorum:
        found = cast("OrganizationList", await quorum.invoke("organizations.list"))
    if session.as_json:
        value(found)
        return
    table(
        ("organization", "name", "keys", "created"),
        ((one.id, one.name, one.keys, one.created_at[:16]) for one in found.organizations),
    )


@command.command("delete", epilog=example("quorum organizations delete org_01… --force"))
@click.argument("organization_id", metavar="ID")
@click.option("--force", is_flag=True, help="Revoke its keys; else one that has keys stays.")
@json_option
@click.pass_obj
@asynchronous
async def delete(session: Session, organization_id: str, force: bool) -> None:
    """Delete an organisation; its records stay stored and are seen by nobody."""
    async with session.client() as quorum:
        given = {"organization_id": organization_id, "force": force}
        gone = cast("OrganizationView", await quorum.invoke("organizations.delete", **given))
    if session.as_json:
        value(gone)
    else:
        data(f"{gone.id} ({gone.name}) is deleted")
