"""Rows as CSV: what spreadsheets open."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would carry out."""


def csv_of(rows: Sequence[BaseModel], kind: type[BaseModel], *, end: str = "\r\n") -> str:
    """The rows as CSV (RFC 4180), under the names of the fields of `kind`; `end` ends each row.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: names and tags are what
    callers wrote. None is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(kind.model_fields)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in kind.model_fields])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA):
        return "'" + value
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")  # never 1e-07; amounts have nine places
    return value
