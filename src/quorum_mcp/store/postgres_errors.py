"""What an error of PostgreSQL means: for the transaction that met it, and for who asked for that."""

from typing import Literal

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from quorum_mcp.errors import StoreUnavailable

DATABASE_ERRORS = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Everything that comes from the database, its driver or the network."""

Fault = Literal["statement", "again", "lost", "away"]
"""Whose fault: the statement's or its values'; nobody's, it may be carried out again; the connection's, which
is lost; or the database's, which cannot be used now."""

_STATEMENT = ("0A", "21", "22", "23", "42")
_LOST = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04")
_AGAIN = ("40001", "40P01")
_NOT_ALLOWED = "42501"

_HINTS = {
    "28": "Look at the user and the password in QUORUM_DATABASE_URL.",
    "3D": "Create the database, or look at its name in QUORUM_DATABASE_URL.",
    "42": "Grant the database's user what it needs: it makes tables and writes to them.",
    "53": "The server is out of connections, memory or disk: look at its log.",
    "25": "The server only reads: QUORUM_DATABASE_URL must name the primary.",
    "57014": "The statement took too long: look at the server's load and at what else locks its rows.",
}


def fault(error: BaseException) -> Fault:
    """Whose fault one of `DATABASE_ERRORS` is."""
    root = origin(error)
    if isinstance(root, TimeoutError):
        return "away"
    if isinstance(root, OSError):
        return "lost"
    if isinstance(root, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return "again"  # Another process has migrated the schema.
    if isinstance(root, asyncpg.PostgresError):
        state = _state(root)
        if state.startswith(_LOST):
            return "lost"
        if state in _AGAIN:
            return "again"
        return "statement" if state.startswith(_STATEMENT) and state != _NOT_ALLOWED else "away"
    return "statement"  # The driver's or SQLAlchemy's own: a value of the wrong kind, a result misused.


def unavailable(error: BaseException) -> StoreUnavailable:
    """The error for the caller; without the statement and its values, which may hold what a user wrote."""
    root = origin(error)
    state = _state(root)
    hint = next(
        (text for prefix, text in _HINTS.items() if state.startswith(prefix)),
        "See that the server of QUORUM_DATABASE_URL runs and can be reached from here.",
    )
    reason = str(root) or type(root).__name__
    failure = StoreUnavailable(f"The database cannot be used: {reason}.", hint=hint, retry_after=1.0)
    failure.__cause__ = error
    return failure


def origin(error: BaseException) -> BaseException:
    """The driver's own error, where SQLAlchemy has wrapped it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _state(error: BaseException) -> str:
    """The five characters by which PostgreSQL names an error; empty where it is not PostgreSQL's."""
    return getattr(error, "sqlstate", None) or ""
