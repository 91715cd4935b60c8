"""The group of commands: each is imported when it is called, and every error leaves by one way."""

import asyncio
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from quorum_mcp import __version__
from quorum_mcp.cli.output import drop_output, failure, open_outputs, talk
from quorum_mcp.cli.session import Session, Wiring, example
from quorum_mcp.errors import QuorumError, StoreUnavailable

INTERRUPTED = 130
COMMANDS = {
    "ask": "Ask a panel of models and print its answer.",
    "serve": "Start the server: web page, REST, MCP.",
    "demo": "Start a server with simulated models, and watch them deliberate.",
    "sim": "Serve the simulated models as providers.",
    "mcp": "Speak MCP over standard input and output.",
    "doctor": "Check configuration, keys, servers, database and ports.",
    "providers": "List the providers and what they lack.",
    "models": "List the models that can be asked.",
    "sessions": "List, show, export and cancel sessions.",
    "explain": "Show every decision that was made for one model call.",
    "budget": "Show, set and remove budgets.",
    "usage": "Show requests, tokens and cost by model, key, tag or day.",
    "benchmark": "Compare or rank models by the calls that were made of them.",
    "calibrate": "Learn decision rule and confidence from labelled answers.",
    "cache": "Show how the cache of answers does, or clear it.",
    "keys": "Make, list and revoke API keys.",
    "organizations": "Make, list and delete organisations.",
    "credentials": "Keep providers' keys, encrypted.",
    "config": "Show the settings and where each came from.",
    "db": "Check or upgrade the database's schema.",
    "op": "Carry out any operation by its name.",
}


class Commands(click.Group):
    """Knows its commands by name and summary; a command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names, in the order of the help."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"quorum_mcp.cli.commands.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and its arguments; for an unknown name, the error says which is near."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, 1, 0.5)
            ask = f"quorum ask {args[0]!r}" if " " in args[0] else "quorum --help"
            hint = f"did you mean `quorum {near[0]}`?" if near else f"try `{ask}`"
            raise click.UsageError(f"there is no command {args[0]!r}\nhint: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("quorum demo", 'quorum ask "What is 17% of 2,340?"'),
)
@click.option(
    "--url", metavar="URL", help="A running server to use, instead of QUORUM_URL or running embedded."
)
@click.option("--config", type=click.Path(path_type=Path), help="The quorum.yaml to read.")
@click.version_option(__version__, "--version", message="%(version)s")
@click.pass_obj
def quorum(session: Session, url: str | None, config: Path | None) -> None:
    """Ask several AI models one question and get one answer you can trust, at a cost you control."""
    session.url = url
    session.config = config


def run(wiring: Wiring, arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the status of the error table."""
    session = Session(wiring)
    open_outputs()
    try:
        status = quorum.main(arguments, prog_name="quorum", standalone_mode=False, obj=session)
    except QuorumError as error:
        failure(error, as_json=session.as_json)
        status = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        talk(error.format_message())
        status = 2
    except click.ClickException as error:
        status = _usage(error)
    except (KeyboardInterrupt, click.Abort, asyncio.CancelledError):
        talk("error: interrupted")
        status = INTERRUPTED
    except BrokenPipeError:
        drop_output()  # whoever read it has had enough
        status = 1
    except OSError as error:
        refused = _refused(error)
        failure(refused, as_json=session.as_json)
        status = refused.exit_code
    sys.exit(status if isinstance(status, int) else 0)


def _refused(error: OSError) -> StoreUnavailable:
    """What the machine refuses and nobody nearer could explain, such as a folder that may not be read."""
    try:
        sys.stdout.flush()
    except OSError:  # click's own words, such as a help text, could not be written
        drop_output()
    what = f"{error.filename}: " if error.filename else ""
    return StoreUnavailable(
        f"{what}{error.strerror or error}", hint="check that it is there, its permissions and free space"
    )


def _usage(error: click.ClickException) -> int:
    message, _, hint = error.format_message().partition("\nhint: ")
    talk(f"error: {message}")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if hint or ctx is not None:
        talk(f"hint: {hint or f'`{ctx.command_path} --help` shows how' if ctx else hint}")
    return error.exit_code
