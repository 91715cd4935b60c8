"""`quorum models`."""

import click

from quorum_mcp.cli.output import table, talk, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option


@click.command("models", epilog=example("quorum models", "quorum models --provider openai --refresh"))
@click.option("--provider", "-p", metavar="NAME", help="Only this provider's models.")
@click.option("--refresh", is_flag=True, help="Ask the providers for their lists now.")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, provider: str | None, refresh: bool) -> None:
    """List the models that can be asked; prices are USD per million tokens."""
    async with session.client() as quorum:
        found = await quorum.models(provider, refresh=refresh)
    if session.as_json:
        value(found)
        return
    table(
        ("model", "input", "output", "price from"),
        (
            (
                m.name + (" (simulated)" if m.simulated else ""),
                _price(m.input_per_million),
                _price(m.output_per_million),
                m.price_source,
            )
            for m in found.models
        ),
    )
    for name, problem in found.errors.items():
        talk(f"warning: {name} did not list its models: {problem}")


def _price(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:g}"
