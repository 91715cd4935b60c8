"""Pages of a list, newest first: an opaque cursor names the last row seen, so new rows shift nothing."""

import base64
import binascii
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, or_

from quorum_mcp import codec
from quorum_mcp.errors import InvalidInput

T = TypeVar("T")
MAX_LIMIT = 500


class Page(Struct, Generic[T], frozen=True):
    """Some rows, newest first, and the cursor of the next page (None on the last one)."""

    items: list[T]
    next: str | None


def encode_cursor(created_at: int, row_id: str) -> str:
    """The cursor that continues after this row."""
    return base64.urlsafe_b64encode(codec.encode((created_at, row_id))).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> tuple[int, str]:
    """What `encode_cursor` was given.

    Raises:
        InvalidInput: not a cursor of ours.
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        return codec.decode(base64.b64decode(padded, b"-_", validate=True), tuple[int, str])
    except (binascii.Error, ValueError, codec.JSONError) as error:
        raise InvalidInput(
            "The cursor is not one that this server gave.", hint="Start again without a cursor."
        ) from error


def paged(
    statement: Select[Any],
    created_at: ColumnElement[int],
    row_id: ColumnElement[str],
    *,
    limit: int,
    cursor: str | None,
) -> Select[Any]:
    """`statement`, newest first, from `cursor` on, with one row more than `limit` to know if more follow.

    Raises:
        InvalidInput: a bad cursor, or a limit outside 1 to 500.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit is {limit}; it must be from 1 to {MAX_LIMIT}.")
    if cursor is not None:
        last_at, last_id = decode_cursor(cursor)
        statement = statement.where(or_(created_at < last_at, and_(created_at == last_at, row_id < last_id)))
    return statement.order_by(created_at.desc(), row_id.desc()).limit(limit + 1)
