"""Standard output is data, standard error is talk."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorum_mcp.errors import QuorumError, StoreUnavailable

if TYPE_CHECKING:
    from pydantic import BaseModel

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def data(text: str) -> None:
    """A piece of the result; in a pipe it is what it is.

    Raises:
        StoreUnavailable: it cannot be written, such as to a full disk.
    """
    try:
        click.echo(harmless(text) if sys.stdout.isatty() else text)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise StoreUnavailable(
            f"standard output cannot be written: {error.strerror}", hint="write to another disk or folder"
        ) from error


def talk(text: str) -> None:
    """A word to the person at the terminal."""
    click.echo(harmless(text), err=True)


def drop_output() -> None:
    """Standard output takes nothing any more; there must be no second complaint when Python flushes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_outputs() -> None:
    """Give a process that was started without standard output or error one that keeps nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as we run


def harmless(text: str) -> str:
    """The text without what would command a terminal: a model's words must not move the cursor or set the title."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def value(found: "BaseModel | object") -> None:
    """A result as JSON: indented on a terminal, else in one line."""
    from pydantic import BaseModel

    from quorum_mcp import codec

    if isinstance(found, BaseModel):
        data(found.model_dump_json(indent=2 if sys.stdout.isatty() else None))
        return
    encoded = codec.encode_text(found)
    if sys.stdout.isatty():
        import msgspec

        encoded = msgspec.json.format(encoded, indent=2)
    data(encoded)


def failure(error: QuorumError, *, as_json: bool) -> None:
    """What went wrong and what to do next; with `--json` also as the body that REST answers with."""
    if as_json:
        value({"error": error.to_dict()})
    talk(f"error: {error.message}")
    if error.hint:
        talk(f"hint: {error.hint}")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns wide enough for what is in them; no colour, so that it means the same in a pipe."""
    lines = [[_cell(cell) for cell in row] for row in rows]
    widths = [
        max(len(name), *(len(line[at]) for line in lines)) if lines else len(name)
        for at, name in enumerate(head)
    ]
    for line in ([*head], *lines):
        data("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shorten(text: str, width: int) -> str:
    """The text in one line of at most `width` characters."""
    line = harmless(" ".join(text.split()))
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def usd(amount: float | None) -> str:
    """An amount in USD for people."""
    from quorum_mcp import money

    return "unknown" if amount is None else money.show(money.from_usd(amount))


def quiet() -> bool:
    """Whether progress is not wanted."""
    return bool(os.environ.get("QUORUM_NO_PROGRESS"))


def _cell(cell: Any) -> str:
    return "-" if cell is None or cell == "" else str(cell)
