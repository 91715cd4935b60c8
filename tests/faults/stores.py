"""What is in a server's database, read past the server."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(home: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with closing(sqlite3.connect(f"file:{home / 'quorum.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(statement, values).fetchall()


def ended_calls(home: Path, run: str) -> dict[str, dict[str, Any]]:
    """The calls of a run whose end is committed, by their keys."""
    found = rows(home, "SELECT data FROM events WHERE run_id = ? AND type = 'call.finished'", run)
    return {data["key"]: data for data in (json.loads(row[0]) for row in found)}


def stored_calls(home: Path) -> list[str]:
    """The ids of all stored records of calls."""
    return [row[0] for row in rows(home, "SELECT id FROM calls ORDER BY id")]
