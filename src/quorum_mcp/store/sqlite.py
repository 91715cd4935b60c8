"""SQLite: one thread of the process writes, a few read.

The file is in WAL mode with `synchronous=NORMAL`: a commit survives the death of the process (the kernel has
it), while the loss of power can take the last commits but never damages the file. Any number of processes may
share one file; a writer waits up to `BUSY_SECONDS` for another process to finish.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.sqlite_signals import SqliteSignals
from quorum_mcp.store.workers import Workers

T = TypeVar("T")
BUSY_SECONDS = 5.0
READERS = 2
SHARED_COMMITS = 128
"""Most writes that share one commit."""

# Else the driver asks every such value whether it can adapt itself, which is half of what a row costs it.
sqlite3.register_adapter(type(None), {}.get)
sqlite3.register_adapter(bool, int)


class SqliteEngine:
    """A SQLite file. Implements `store.database.Engine`."""

    def __init__(self, path: str, *, foreign_keys: bool = True) -> None:
        """Open the file; a migration does so without foreign keys, for it drops and copies tables."""
        _create_file(Path(path))
        self.signals = SqliteSignals(path)
        reading, writing = (
            _engine(path, "BEGIN", foreign_keys),
            _engine(path, "BEGIN IMMEDIATE", foreign_keys),
        )
        self._readers = Workers(reading, threads=READERS, share=1, name="quorum-read")
        self._writer = Workers(writing, threads=1, share=SHARED_COMMITS, name="quorum-write")

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on a reading thread."""
        return await self._readers.submit(body)

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on the writing thread."""
        return await self._writer.submit(body)

    async def close(self) -> None:
        """Stop the threads after what was handed in."""
        self.signals.close()
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._readers.stop)


def _create_file(path: Path) -> None:
    """Create the file, readable by its owner only: it holds questions and answers."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"The database file {path} cannot be opened: {error.strerror}.",
            hint="Set QUORUM_DATABASE_URL or QUORUM_HOME to a place that can be written.",
        ) from error


def _engine(path: str, begin: str, foreign_keys: bool) -> Engine:
    """A SQLAlchemy engine whose transactions open with the statement `begin`."""
    engine = create_engine(
        "sqlite://",
        # A path may hold what means something in a URL, so it does not go through one.
        creator=lambda: sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        ),
        poolclass=NullPool,
        hide_parameters=True,  # An error's text may be logged; the values may be what a user wrote.
    )

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")

    def start(conn: Connection) -> None:
        # Straight to the driver: SQLAlchemy's own way adds 15 microseconds to every transaction.
        cast("sqlite3.Connection", conn.connection.dbapi_connection).execute(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)
    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Processes that open a new file at once get SQLITE_BUSY here whatever the timeout."""
    end = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
