"""The recorded shapes of tests/conformance/wires, as the tests use them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from quorum_mcp.answers import Answer
from quorum_mcp.providers.wires import WIRES

FOLDER = Path(__file__).parent / "wires"


class Case(NamedTuple):
    """One answer of a vendor, in both forms, and what it must become."""

    wire: str
    name: str
    whole: bytes
    stream: list[bytes]
    answer: Answer | None
    error: str | None
    retry_after: float | None

    def __str__(self) -> str:
        return f"{self.wire}: {self.name}"


def requests(wire: str) -> dict[str, Any]:
    """The golden requests of a wire; a new wire fails here until it has its file."""
    return json.loads((FOLDER / f"{wire}.requests.json").read_text())


def cases() -> list[Case]:
    """Every answer of every wire."""
    return [case for wire in WIRES for case in _cases(wire)]


def _cases(wire: str) -> list[Case]:
    rows = json.loads((FOLDER / f"{wire}.answers.json").read_text())
    return [
        Case(
            wire,
            name,
            _bytes(row["whole"]),
            [_event(wire, entry) for entry in row["stream"]],
            msgspec.convert(row["answer"], Answer) if "answer" in row else None,
            row.get("error"),
            row.get("retry_after"),
        )
        for name, row in rows.items()
    ]


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode()


def _event(wire: str, entry: Any) -> bytes:
    if wire == "ollama":
        return _bytes(entry) + b"\n"
    if isinstance(entry, dict) and set(entry) == {"event", "data"}:
        return f"event: {entry['event']}\n".encode() + b"data: " + _bytes(entry["data"]) + b"\n\n"
    return b"data: " + _bytes(entry) + b"\n\n"
