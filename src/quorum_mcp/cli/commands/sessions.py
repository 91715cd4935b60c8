"""`quorum sessions`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from quorum_mcp.cli.output import data, shorten, table, talk, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option, work
from quorum_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from quorum_mcp.consensus.session import SessionView

STATES = click.Choice(["queued", "running", "completed", "failed", "cancelled", "expired"])


@click.group(
    "sessions",
    invoke_without_command=True,
    epilog=example("quorum sessions --status running", "quorum sessions -q budget --limit 5"),
)
@click.option("--limit", type=int, default=20, show_default=True, help="How many to list.")
@click.option("--status", type=STATES, help="Only sessions in this state.")
@click.option("--query", "-q", "q", metavar="TEXT", help="Only sessions whose question holds this text.")
@click.option("--since", metavar="TIME", help="Created at or after, as 2026-11-21 or 2026-11-21T08:00Z.")
@click.option("--until", metavar="TIME", help="Created before.")
@click.option("--cursor", metavar="CURSOR", help="Where the page before ended.")
@json_option
@click.pass_context
def command(ctx: click.Context, **filters: Any) -> None:
    """List, show, export and cancel sessions; without a command, list them, newest first."""
    if ctx.invoked_subcommand is None:
        work(_list(ctx.obj, {name: given for name, given in filters.items() if given is not None}))


async def _list(session: Session, filters: dict[str, Any]) -> None:
    async with session.client() as quorum:
        page = await quorum.sessions(**filters)
    if session.as_json:
        value(page)
        return
    table(
        ("session", "status", "calls", "cost", "created", "question"),
        (
            (
                s.session_id,
                s.status + (" (simulated)" if s.simulated else ""),
                s.calls,
                usd(s.total_cost),
                s.created_at[:16],
                shorten(s.title, 60),
            )
            for s in page.sessions
        ),
    )
    if page.next:
        talk(f"hint: more with --cursor {page.next}")


@command.command("show", epilog=example("quorum sessions show ses_01…"))
@click.argument("session_id", metavar="ID")
@json_option
@click.pass_obj
@asynchronous
async def show(session: Session, session_id: str) -> None:
    """Show a session: its questions, answers and calls."""
    async with session.client() as quorum:
        found = await quorum.session(session_id)
    if session.as_json:
        value(found)
        return
    _turns(found)
    table(
        ("call", "role", "model", "status", "cost", "seconds"),
        (
            (
                c.id,
                c.role,
                f"{c.provider}/{c.model}" + (" (simulated)" if c.simulated else ""),
                c.status,
                usd(c.cost),
                c.latency,
            )
            for c in found.call_records
        ),
    )
    talk("hint: quorum explain CALL shows every decision that was made for a call")


def _turns(found: "SessionView") -> None:
    from quorum_mcp.cli.answer import about, labels

    for turn in found.turns:
        data(f"? {turn.query}")
        if turn.answer is None:
            data(f"{turn.status}: {(turn.error or {}).get('message', 'no answer yet')}\n")
            continue
        for line in (*labels(turn.answer), turn.answer.consensus or "", "", *about(turn.answer), ""):
            data(line)


@command.command("export", epilog=example("quorum sessions export ses_01… --format html -o session.html"))
@click.argument("session_id", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "md", "html"]),
    default="md",
    show_default=True,
    help="The form of the text.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, instead of standard output.",
)
@json_option
@click.pass_obj
def export(
    session: Session, session_id: str, form: Literal["json", "md", "html"], output: Path | None
) -> None:
    """Print a session as JSON, Markdown or one HTML page."""
    text = work(_export(session, session_id, "json" if session.as_json else form))
    if output is None:
        data(text)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"{output} cannot be written: {error.strerror}", hint="name a file in a folder that there is"
            ) from None
        talk(f"written to {output}")


async def _export(session: Session, session_id: str, form: Literal["json", "md", "html"]) -> str:
    async with session.client() as quorum:
        return await quorum.export(session_id, form)


@command.command("cancel", epilog=example("quorum sessions cancel ses_01…"))
@click.argument("session_id", metavar="ID")
@json_option
@click.pass_obj
@asynchronous
async def cancel(session: Session, session_id: str) -> None:
    """Stop a running session, wherever it runs; one that has ended stays as it is."""
    async with session.client() as quorum:
        state = await quorum.cancel(session_id)
    if session.as_json:
        value(state)
    else:
        data(f"{state.session_id} is {state.status}")
