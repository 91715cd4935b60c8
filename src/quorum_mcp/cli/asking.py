"""From the options of `quorum ask` to a question: files, standard input, a panel's name or its models."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quorum_mcp.client.asking import MODES, inline, upload_of
from quorum_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from quorum_mcp.client.quorum import Quorum

LONGEST_CONTEXT = 100_000
STDIN = "-"


def question_of(question: str | None, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The question and the keywords of `Quorum.ask`, from what was typed and what was piped in.

    Raises:
        UsageError: there is no question.
        InvalidInput: a file cannot be read, or standard input is no text.
    """
    asking = {name: options[name] for name in PLAIN if _given(options[name])}
    files = [_file(path) for path in options["files"]]
    if STDIN not in options["files"] and (piped := _piped()):
        if question is None:
            question = piped
        elif len(piped) + len(asking.get("context", "")) < LONGEST_CONTEXT:
            asking["context"] = "\n\n".join(filter(None, (asking.get("context"), piped)))
        else:
            files.append(inline("standard input", piped.encode(), "text/plain"))
    if question is None or not question.strip():
        raise click.UsageError('there is no question\nhint: quorum ask "What is 17% of 2,340?"')
    asking["files"] = [file for file in files if not file["media_type"].startswith("image/")]
    asking["images"] = [file for file in files if file["media_type"].startswith("image/")]
    asking["mode"] = MODES.get(options["mode"], options["mode"])
    asking |= _panel(options["panel"], options["models"])
    if options["web_search"]:
        asking["tools"] = ["web_search"]
    if options["synthesizer"] is not None:
        asking["synthesizer"] = None if options["synthesizer"] == "none" else options["synthesizer"]
    return question, {name: value for name, value in asking.items() if value != []}


PLAIN = (
    "context", "max_cost", "timeout_seconds", "max_tokens", "temperature", "exhaustive", "samples",
    "answer_format", "exclude_providers", "require_consensus", "idempotency_key", "tags", "session_id",
)  # fmt: skip
"""Options that are fields of the query as they are."""


async def last_session(quorum: "Quorum") -> str:
    """The session that a `--continue` means: the newest one."""
    newest = (await quorum.sessions(limit=1)).sessions
    if not newest:
        raise InvalidInput("there is no session to continue", hint="leave --continue out to begin one")
    return newest[0].session_id


def _given(option: object) -> bool:
    """Whether an option was typed; 0 is a value like any other, though it equals False."""
    return option is not None and option is not False and option != ()


def _panel(panel: str | None, models: tuple[str, ...]) -> dict[str, Any]:
    listed = [name.strip() for name in (panel or "").split(",") if name.strip()]
    if models or "," in (panel or "") or "/" in (panel or ""):
        return {"panel": [*listed, *models]}
    return {"panel": panel} if panel else {}


def _file(path: str) -> dict[str, str]:
    if path == STDIN:
        return inline("standard input", sys.stdin.buffer.read(), "text/plain")
    uploaded = upload_of(Path(path))
    assert isinstance(uploaded, dict)
    return uploaded


def _piped() -> str | None:
    """What was piped in or redirected; None where standard input is a terminal or nothing."""
    try:
        kind = stat.S_IFMT(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError):
        return None
    if kind not in (stat.S_IFIFO, stat.S_IFREG, stat.S_IFSOCK):
        return None
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").strip() or None
    except UnicodeDecodeError:
        raise InvalidInput("standard input is not text", hint="give pictures with -f FILE") from None
