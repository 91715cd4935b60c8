"""`quorum doctor`."""

from typing import TYPE_CHECKING

import click

from quorum_mcp.cli.output import data, value
from quorum_mcp.cli.session import Session, example, json_option, work
from quorum_mcp.errors import ConfigError

if TYPE_CHECKING:
    from quorum_mcp.cli.checks import Check

UNWELL = 2


@click.command("doctor", epilog=example("quorum doctor", "quorum doctor --online --json"))
@click.option(
    "--online", is_flag=True, help="Ask the providers for their models, and look for names that died."
)
@json_option
@click.pass_context
def command(ctx: click.Context, online: bool) -> None:
    """Check configuration, keys, local servers, database, disk and ports; status 2 when something fails."""
    session: Session = ctx.obj
    found = work(_examine(session, online=online))
    well = all(check.status != "fail" for check in found)
    if session.as_json:
        value({"well": well, "checks": found})
    else:
        for check in found:
            data(f"{check.status:4}  {check.what}: {check.found}")
            if check.fix:
                data(f"      fix: {check.fix}")
    ctx.exit(0 if well else UNWELL)


async def _examine(session: Session, *, online: bool) -> "list[Check]":
    from quorum_mcp.cli import checks, model_checks
    from quorum_mcp.observe.logs import to_stderr
    from quorum_mcp.providers.builtin.provider import Builtin
    from quorum_mcp.providers.registry import Registry

    try:
        settings = session.settings()
        registry = Registry(settings)
    except ConfigError as error:
        return [checks.broken(error)]
    to_stderr(settings, server=False)
    registry.register(Builtin(), models=("arithmetic", "extract"))
    found = [*checks.configuration(settings), *checks.keys(settings)]
    try:
        found += await checks.providers(registry)
        wrong, named = await model_checks.names(settings, registry)
        found += wrong
        if online:
            found += await model_checks.lists(registry, named)
    finally:
        await registry.close()
    if (shared := await checks.redis(settings)) is not None:
        found.append(shared)
    found += [await checks.database(settings), *checks.disk(settings), checks.port(settings)]
    if url := session.url or settings.url:
        found.append(await checks.server(url, settings))
    return found
