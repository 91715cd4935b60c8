"""docs/reference/cli.md: every command with its options, from the commands themselves."""

from collections.abc import Iterator

import click

from quorum_mcp.cli.main import quorum
from quorum_mcp.cli.session import Session

from .markdown import code, page, prose, table

INTRO = """
Standard output is the result, standard error is everything else. With `--json` the result is one JSON value, an
error too. The exit status is 0, or the one of the [error](errors.md); a wrong option is 2, an interrupt is 130.

Commands that ask, list or show use the server that `--url` or `QUORUM_URL` names; without one they run embedded, on
the same database as a server of this machine. Only `quorum serve` reads quorum.yaml and `.env` of the working
directory.
"""


def cli_page() -> str:
    """The page."""
    parts = [INTRO, *_command(quorum, click.Context(quorum, info_name="quorum", obj=_Nobody()))]
    return page("Command line", *parts)


def _command(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield f"## {ctx.command_path}"
    yield prose((command.help or "").replace("\b", ""))
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"```text\n{usage}\n```"
    options = [param.get_help_record(ctx) for param in command.params if isinstance(param, click.Option)]
    yield table(("option", "meaning"), ((code(names), meaning) for names, meaning in filter(None, options)))
    if command.epilog:
        lines = command.epilog.replace("\b", "").strip().removeprefix("Example:").strip("\n").splitlines()
        yield "For example:\n\n```text\n" + "\n".join(line.strip() for line in lines) + "\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is None:
                raise ValueError(f"{ctx.command_path} lists {name}, which is not there")
            yield from _command(below, click.Context(below, parent=ctx, info_name=name))


class _Nobody(Session):
    """A session for commands that are only described."""

    def __init__(self) -> None:  # there is no wiring, because nothing runs
        self.url = None
        self.config = None
        self.as_json = False
