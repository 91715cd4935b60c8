"""`quorum keys`."""

from typing import TYPE_CHECKING, Any, cast

import click

from quorum_mcp.cli.output import data, table, talk, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.access.ops.keys import CreatedKey, KeyPage, KeyView

SCOPES = ("ask", "read", "write", "admin")
COLUMNS = (
    "key", "name", "organization", "ends in", "status", "scopes", "models", "last used", "expires", "master key",
)  # fmt: skip


@click.group("keys", epilog=example("quorum keys create laptop", "quorum keys list"))
def command() -> None:
    """Make, list and revoke the keys that callers send to a server."""


@command.command(
    "create",
    epilog=example(
        "quorum keys create admin --scope admin --scope ask --scope read",
        "quorum keys create ci --model 'openai/*' --expires-in-days 90",
    ),
)
@click.argument("name")
@click.option("--organization", "-o", metavar="NAME", help="Whose records it sees; default: your own.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    help="What it may do; default: ask and read.",
)
@click.option(
    "--model",
    "models",
    metavar="PATTERN",
    multiple=True,
    help="A model it may ask, as `openai/*`; default: all.",
)
@click.option("--requests-per-minute", type=int, help="Model calls per minute.")
@click.option("--tokens-per-minute", type=int, help="Tokens per minute.")
@click.option("--expires-in-days", type=float, help="Days until it ends by itself.")
@json_option
@click.pass_obj
@asynchronous
async def create(session: Session, scopes: tuple[str, ...], models: tuple[str, ...], **given: Any) -> None:
    """Make a key and print it, this once. From the first key on, everybody needs one."""
    fields = {name: one for name, one in given.items() if one is not None}
    fields |= {"scopes": list(scopes)} if scopes else {}
    fields |= {"models": list(models)} if models else {}
    async with session.client() as quorum:
        made = cast("CreatedKey", await quorum.invoke("keys.create", **fields))
    if session.as_json:
        value(made)
        return
    data(made.key)
    talk(f"{made.id}, scopes: {', '.join(made.scopes)}; it is shown this once")
    talk("hint: callers send it as `Authorization: Bearer …`, or set QUORUM_API_KEY for quorum ask")


@command.command("list", epilog=example("quorum keys list --organization acme"))
@click.option("--organization", "-o", metavar="NAME", help="Only keys of this organisation.")
@click.option("--limit", type=int, default=100, show_default=True, help="How many to list.")
@click.option("--cursor", metavar="CURSOR", help="Where the page before ended.")
@json_option
@click.pass_obj
@asynchronous
async def listing(session: Session, **given: Any) -> None:
    """List the keys, newest first."""
    async with session.client() as quorum:
        fields = {name: one for name, one in given.items() if one is not None}
        page = cast("KeyPage", await quorum.invoke("keys.list", **fields))
    if session.as_json:
        value(page)
        return
    table(COLUMNS, (_line(key) for key in page.keys))
    if page.next:
        talk(f"hint: more with --cursor {page.next}")


def _line(key: "KeyView") -> tuple[Any, ...]:
    used, expires = (at and at[:16] for at in (key.last_used_at, key.expires_at))
    models = "all" if key.models is None else " ".join(key.models)
    return (
        key.id, key.name, key.organization, key.hint, key.status, " ".join(key.scopes), models, used, expires, key.version,
    )  # fmt: skip


@command.command("revoke", epilog=example("quorum keys revoke key_01…"))
@click.argument("key_id", metavar="ID")
@json_option
@click.pass_obj
@asynchronous
async def revoke(session: Session, key_id: str) -> None:
    """End a key; no server takes it after two seconds."""
    async with session.client() as quorum:
        ended = cast("KeyView", await quorum.invoke("keys.revoke", key_id=key_id))
    if session.as_json:
        value(ended)
    else:
        data(f"{ended.id} ({ended.name}) is revoked")
