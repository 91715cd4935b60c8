"""`quorum calibrate`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from quorum_mcp.cli.output import data, table, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option
from quorum_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from quorum_mcp.consensus.ops.calibrate import Learnt


@click.command(
    "calibrate",
    epilog=example(
        "quorum calibrate answers.jsonl --provider openai",
        "quorum calibrate answers.jsonl.xz --panel lab/alpha,lab/beta,lab/gamma",
    ),
)
@click.argument("labelled", metavar="DATA")
@click.option("--provider", metavar="P", help="The file's model NAME is meant as P/NAME.")
@click.option("--panel", metavar="A,B", help="Models whose decision rule to show, with commas between them.")
@click.option(
    "--name",
    help="What this data is called; it replaces what the same name gave before. Default: the file's name.",
)
@json_option
@click.pass_obj
@asynchronous
async def command(
    session: Session, labelled: str, provider: str | None, panel: str | None, name: str | None
) -> None:
    """Learn track records, decision rules and confidence from labelled answers.

    DATA holds JSON lines (.jsonl, .jsonl.xz or .jsonl.gz; - is standard input), each one question with its
    `answers`: a list of `model`, `text` and `correct` (1, 0 or null).
    """
    given: dict[str, Any] = {"rows": rows(labelled)}
    given["name"] = name or ("standard input" if labelled == "-" else Path(labelled).name.partition(".")[0])
    if provider is not None:
        given["provider"] = provider
    if panel is not None:
        given["panel"] = [member.strip() for member in panel.split(",") if member.strip()]
    async with session.client() as quorum:
        learnt = cast("Learnt", await quorum.invoke("calibrate", **given))
    if session.as_json:
        value(learnt)
        return
    members = sorted(learnt.members, key=lambda member: -member.strength)
    table(("model", "right", "of", "strength"), ((m.model, m.right, m.answers, m.strength) for m in members))
    data(f"learnt from {learnt.questions} questions")
    if learnt.guard is not None:
        votes = "not known" if learnt.effective_votes is None else f"{learnt.effective_votes:g}"
        wrong = "not known" if learnt.all_wrong is None else f"{learnt.all_wrong:.1%}"
        rule = "leader alone" if learnt.guard == "leader" else learnt.guard
        data(f"this panel decides by: {rule}; effective votes {votes}; all wrong together {wrong}")


def rows(name: str) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        InvalidInput: the file cannot be read, or a line of it is no JSON object.
    """
    from quorum_mcp import codec

    found: list[dict[str, Any]] = []
    number = 0
    try:
        for line in _lines(name):
            number += 1
            if line.strip():
                found.append(codec.decode(line, dict))
    except codec.JSONError as error:
        raise InvalidInput(
            f"{name}:{number}: {error}", hint="each line is one JSON object with `answers`"
        ) from None
    except (OSError, EOFError) as error:
        raise InvalidInput(
            f"{name} cannot be read: {error}", hint="check the path and how it is compressed"
        ) from None
    return found


def _lines(name: str) -> Iterator[bytes]:
    import gzip
    import lzma

    if name == "-":
        yield from sys.stdin.buffer
        return
    opened: dict[str, Any] = {".xz": lzma.open, ".gz": gzip.open}
    opener = opened.get(Path(name).suffix, open)
    file: IO[bytes]
    try:
        with opener(name, "rb") as file:
            yield from file
    except lzma.LZMAError as error:
        raise OSError(str(error)) from error
