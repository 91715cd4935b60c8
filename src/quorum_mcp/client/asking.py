"""What a question may carry, as keywords of `ask`, and as the `Query` that it becomes."""

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from quorum_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from quorum_mcp.consensus.query import Query, Upload

Mode = Literal["quick_consensus", "full_deliberation", "devils_advocate"]
FileLike: TypeAlias = "Path | Upload | Mapping[str, Any]"
MODES: dict[str, Mode] = {
    "quick": "quick_consensus",
    "full": "full_deliberation",
    "advocate": "devils_advocate",
}
"""Short names for the modes."""


class Asking(TypedDict, total=False):
    """Options of a question; what is left out has the default of `POST /api/query`.

    `panel` is a panel's name or a list of models. `files` and `images` are paths of this machine (`Path`), or
    uploads. `max_cost` is USD and `timeout_seconds` seconds, both for the whole run. `synthesizer` None: nobody.
    """

    panel: str | Sequence[str]
    providers: Sequence[str]
    mode: Mode
    session_id: str
    messages: Sequence[Mapping[str, str]]
    context: str
    files: Sequence[FileLike]
    images: Sequence[FileLike]
    tools: Sequence[Literal["web_search"]]
    max_tokens: int
    temperature: float
    max_cost: float
    timeout_seconds: float
    exhaustive: bool
    samples: int
    synthesizer: str | None
    answer_format: Literal["auto", "choice", "number", "text"]
    idempotency_key: str
    tags: Sequence[str]
    exclude_providers: Sequence[str]
    require_consensus: bool


def query_of(question: str, asking: Mapping[str, Any]) -> "Query":
    """The validated query.

    Raises:
        InvalidInput: an option is unknown or cannot be used, or a file cannot be read.
    """
    from quorum_mcp.consensus.query import Query
    from quorum_mcp.operations.invoke import validate

    fields: dict[str, Any] = {"query": question, **asking}
    for name in ("files", "images"):
        if name in fields:
            fields[name] = [upload_of(file) for file in fields[name]]
    for name, value in fields.items():
        if isinstance(value, tuple):
            fields[name] = list(value)
    return validate(Query, fields)


def upload_of(file: object) -> object:
    """A path as an inline upload; anything else as it is."""
    if not isinstance(file, Path):
        return file
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}", hint="check the path") from error
    return inline(file.name, content)


def inline(name: str, content: bytes, media_type: str | None = None) -> dict[str, str]:
    """Content as an upload; the media type is guessed from the name unless given."""
    return {
        "name": name,
        "media_type": media_type or mimetypes.guess_type(name)[0] or "text/plain",
        "data": base64.b64encode(content).decode(),
    }
