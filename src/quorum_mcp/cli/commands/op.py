"""`quorum op`."""

import sys
from typing import Any

import click

from quorum_mcp.cli.output import table, value
from quorum_mcp.cli.session import Session, asynchronous, example
from quorum_mcp.errors import Malformed


@click.command(
    "op",
    epilog=example(
        "quorum op", """quorum op agreement --json '{"a": "0.5", "b": "1/2"}'""", "quorum op query --schema"
    ),
)
@click.argument("name", required=False)
@click.option(
    "--json",
    "given",
    metavar="INPUT",
    default="{}",
    help="The operation's input; - reads it from standard input.",
)
@click.option("--schema", is_flag=True, help="Print the JSON schema of input and output instead.")
@click.pass_obj
@asynchronous
async def command(session: Session, name: str | None, given: str, schema: bool) -> None:
    """Carry out any operation by its name and print its output as JSON; without a name, list them."""
    if name is None:
        _list()
        return
    session.as_json = True
    if schema:
        _schema(name)
        return
    fields = _object(sys.stdin.read() if given == "-" else given)
    async with session.client() as quorum:
        value(await quorum.invoke(name, **fields))


def _list() -> None:
    from quorum_mcp.operations.manifest import operations

    table(
        ("operation", "effect", "what it does"),
        ((o.name, o.effect.value, o.summary) for o in operations().values()),
    )


def _schema(name: str) -> None:
    from quorum_mcp.client.quorum import operation_named

    card = operation_named(name)
    value({"input": card.input.model_json_schema(), "output": card.output.model_json_schema()})


def _object(text: str) -> dict[str, Any]:
    from quorum_mcp import codec

    try:
        fields = codec.decode(text)
    except codec.JSONError as error:
        raise Malformed(
            f"the input is not JSON: {error}", hint="""write it as '{"name": "value"}'"""
        ) from None
    if not isinstance(fields, dict):
        raise Malformed("the input is not a JSON object", hint="""write it as '{"name": "value"}'""")
    return fields
