"""`quorum credentials`."""

import sys
from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, table, talk, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option, work

if TYPE_CHECKING:
    from quorum_mcp.access.ops.credentials import CredentialList, CredentialView, Resealed


@click.group("credentials", epilog=example("quorum credentials set openai", "quorum credentials list"))
def command() -> None:
    """Keep providers' keys in the database, encrypted. A key of the environment goes before a stored one."""


@command.command(
    "set", epilog=example("quorum credentials set openai", "quorum credentials set openai < key.txt")
)
@click.argument("provider")
@json_option
@click.pass_obj
def put(session: Session, provider: str) -> None:
    """Store a provider's key, or replace it; it is asked for, or read from standard input."""
    if sys.stdin.isatty():
        key = str(click.prompt(f"key of {provider}", hide_input=True, err=True))
    else:
        key = sys.stdin.read()
    work(_put(session, provider, key.strip()))


async def _put(session: Session, provider: str, key: str) -> None:
    async with session.client() as quorum:
        made = cast("CredentialView", await quorum.invoke("credentials.set", provider=provider, value=key))
    if session.as_json:
        value(made)
        return
    data(f"the key of {made.provider} is stored")
    if made.status == "unused":
        talk("hint: the environment or quorum.yaml has a key of this provider, which goes before")


@command.command("list", epilog=example("quorum credentials list"))
@json_option
@click.pass_obj
@asynchronous
async def listing(session: Session) -> None:
    """List the providers with a stored key."""
    async with session.client() as quorum:
        found = cast("CredentialList", await quorum.invoke("credentials.list"))
    if session.as_json:
        value(found)
        return
    table(
        ("provider", "ends in", "status", "master key", "set"),
        ((one.provider, one.hint, one.status, one.version, one.updated_at[:16]) for one in found.credentials),
    )


@command.command("delete", epilog=example("quorum credentials delete openai"))
@click.argument("provider")
@json_option
@click.pass_obj
@asynchronous
async def delete(session: Session, provider: str) -> None:
    """Remove a provider's stored key."""
    async with session.client() as quorum:
        gone = cast("CredentialView", await quorum.invoke("credentials.delete", provider=provider))
    if session.as_json:
        value(gone)
    else:
        data(f"the key of {gone.provider} is removed")


@command.command("reseal", epilog=example("quorum credentials reseal"))
@json_option
@click.pass_obj
@asynchronous
async def reseal(session: Session) -> None:
    """Put every stored key under the first master key of QUORUM_SECRET_KEY, so that older ones can be retired."""
    async with session.client() as quorum:
        done = cast("Resealed", await quorum.invoke("credentials.reseal"))
    if session.as_json:
        value(done)
    else:
        data(f"{done.resealed} sealed anew, {done.unreadable} cannot be opened")
