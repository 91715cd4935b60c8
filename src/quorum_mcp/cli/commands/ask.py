"""`quorum ask`."""

import sys
from typing import Any

import click

from quorum_mcp.cli import answer as shown
from quorum_mcp.cli.asking import last_session, question_of
from quorum_mcp.cli.output import data, talk, value
from quorum_mcp.cli.progress import progress
from quorum_mcp.cli.session import Session, asynchronous, example, json_option
from quorum_mcp.client.asking import MODES
from quorum_mcp.events import Event

FORMATS = click.Choice(["auto", "choice", "number", "text"])
EXAMPLE = example(
    'quorum ask "What is 17% of 2,340?"',
    'cat report.txt | quorum ask -f - "Which risks does this report leave out?"',
    'quorum ask --panel openai,anthropic --mode full --max-cost 0.05 "Is this design sound?" -f design.md',
    'quorum ask -c "And for 2,400?"',
)


@click.command("ask", epilog=EXAMPLE)
@click.argument("question", required=False)
@click.option(
    "--file",
    "-f",
    "files",
    multiple=True,
    metavar="FILE",
    help="A text file or picture to send; - is standard input.",
)
@click.option(
    "--panel", metavar="NAME|A,B", help="A panel of quorum.yaml, or models with commas between them."
)
@click.option(
    "--model", "-m", "models", multiple=True, metavar="MODEL", help="A model of the panel; may be repeated."
)
@click.option(
    "--mode",
    type=click.Choice([*MODES, *MODES.values()]),
    default="quick",
    show_default=True,
    help="How the models deliberate.",
)
@click.option("--context", metavar="TEXT", help="Background for the question.")
@click.option("--session", "-s", "session_id", metavar="ID", help="Continue this session.")
@click.option("--continue", "-c", "continues", is_flag=True, help="Continue the last session.")
@click.option("--max-cost", type=float, metavar="USD", help="What the whole run may cost at the most.")
@click.option("--timeout", "timeout_seconds", type=float, metavar="SECONDS", help="Time for the whole run.")
@click.option("--require-consensus", is_flag=True, help="Fail with status 3 unless the panel agrees.")
@click.option("--exhaustive", is_flag=True, help="Ask every seat, no early stop.")
@click.option("--samples", type=int, metavar="N", help="Answers of each seat.")
@click.option(
    "--synthesizer",
    metavar="MODEL|none",
    help="The model that writes the answer; none: its winner's own words.",
)
@click.option(
    "--exclude", "exclude_providers", multiple=True, metavar="PROVIDER", help="A provider to leave out."
)
@click.option("--web-search", is_flag=True, help="Each seat searches the web with its provider's own search.")
@click.option("--format", "answer_format", type=FORMATS, help="What kind of answer is looked for.")
@click.option("--max-tokens", type=int, metavar="N", help="Tokens of each answer at the most.")
@click.option("--temperature", type=float, metavar="T", help="Sampling temperature of the seats.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag for the records.")
@click.option("--idempotency-key", metavar="KEY", help="The same key with the same question asks only once.")
@click.option("--dry-run", is_flag=True, help="Print whom it would ask and what that may cost; ask nobody.")
@click.option("--jsonl", is_flag=True, help="Print the run's events as JSON lines.")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, question: str | None, **options: Any) -> None:
    """Ask a panel of models and print its answer.

    The answer goes to standard output, everything else to standard error. What is piped in is background for
    the question, or the question itself where there is no other. An interrupt cancels the run.
    """
    asked, asking = question_of(question, options)
    async with session.client() as quorum:
        if options["continues"]:
            asking["session_id"] = await last_session(quorum)
        if options["dry_run"]:
            estimate = await quorum.estimate(asked, **asking)
            (value if session.as_json else shown.plan)(estimate)
            return
        lines = progress()

        def see(event: Event) -> None:
            lines.see(event)
            if options["jsonl"]:
                _print_line(event)

        try:
            answer = await quorum.ask(asked, progress=see, **asking)
        finally:
            lines.close()
    if session.as_json or options["jsonl"]:
        if session.as_json:
            value(answer)
        for label in shown.labels(answer):
            talk(label)
    else:
        shown.show(answer)


def _print_line(event: Event) -> None:
    from quorum_mcp import codec

    data(codec.encode_text(event))
    sys.stdout.flush()
