"""SQLite: one writer thread that commits whatever waits together, and a few threads that read.

The file is in WAL mode with `synchronous=NORMAL`: a commit survives the death of the process (the kernel has
it), while the loss of power can take the last commits but never damages the file. Any number of processes may
share one file; a writer waits up to `BUSY_SECONDS` for another process to finish.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.pool import QueuePool

from quorum_mcp.errors import StoreUnavailable

T = TypeVar("T")
BUSY_SECONDS = 5.0
READERS = 4
BATCH = 128
"""Most bodies that share one commit."""
DATABASE_ERRORS = (DBAPIError, sqlite3.Error)
"""The second comes bare from the statements that go straight to the driver: BEGIN and the pragmas."""


class SqliteEngine:
    """A SQLite file. Implements `store.database.Engine`."""

    def __init__(self, path: str, *, foreign_keys: bool = True) -> None:
        """Open the file; a migration does so without foreign keys, for it drops and copies tables."""
        _create_file(Path(path))
        self._readable = _engine(path, "BEGIN", READERS, foreign_keys)
        self._readers = ThreadPoolExecutor(READERS, "quorum-store-read")
        self._writer = Writer(_engine(path, "BEGIN IMMEDIATE", 1, foreign_keys))

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on a reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, body)

    def _read(self, body: Callable[[Connection], T]) -> T:
        try:
            with self._readable.begin() as conn:
                return body(conn)
        except DATABASE_ERRORS as error:
            raise translated(error) from error

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` on the writing thread."""
        return await asyncio.shield(self._writer.submit(body))

    async def close(self) -> None:
        """Stop the threads after what was handed in."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writer.stop)
        await loop.run_in_executor(None, self._readers.shutdown)
        self._readable.dispose()


class _Job(NamedTuple):
    body: Callable[[Connection], Any]
    future: asyncio.Future[Any]


class _Done(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class Writer:
    """The one thread of this process that writes: bodies that wait at the same time share a commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._conn: Connection | None = None
        self._stopped = False
        # A daemon: a program that forgets to close must still be able to end.
        self._thread = threading.Thread(target=self._run, name="quorum-store-write", daemon=True)
        self._thread.start()

    def submit(self, body: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Hand in `body`; the future has its result when it is committed."""
        if self._stopped:
            raise StoreUnavailable("The database is closed.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(body, future))
        return future

    def stop(self) -> None:
        """Carry out what was handed in, then end the thread. Blocks until then."""
        self._stopped = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) == BATCH:
                    break
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
            running = job is not None
            if batch:
                self._deliver(self._transact(batch))
        self._disconnect()
        self._engine.dispose()

    def _transact(self, batch: list[_Job]) -> list[_Done]:
        try:
            if self._conn is None:
                self._conn = self._engine.connect()
            with self._conn.begin():
                results = [job.body(self._conn) for job in batch]
        except BaseException as error:  # noqa: BLE001 - whatever a body raises belongs to its caller
            if isinstance(error, DATABASE_ERRORS):
                self._disconnect()
            if len(batch) > 1:
                # One of them failed and all were rolled back: each gets a transaction of its own.
                return [done for job in batch for done in self._transact([job])]
            return [_Done(batch[0].future, None, _for_caller(error))]
        return [_Done(job.future, result, None) for job, result in zip(batch, results, strict=True)]

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    @staticmethod
    def _deliver(done: list[_Done]) -> None:
        loop = done[0].future.get_loop()
        try:
            loop.call_soon_threadsafe(_resolve, done)
        except RuntimeError:  # The loop is closed: nobody waits any more.
            return


def _resolve(done: list[_Done]) -> None:
    for future, result, error in done:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _for_caller(error: BaseException) -> BaseException:
    if not isinstance(error, DATABASE_ERRORS):
        return error
    failure = translated(error)
    if failure is not error:
        failure.__cause__ = error
    return failure


def translated(error: DBAPIError | sqlite3.Error) -> Exception:
    """StoreUnavailable where the database is at fault, `error` itself where the statement is."""
    if isinstance(error, IntegrityError | ProgrammingError | DataError | NotSupportedError):
        return error
    # Without the statement and its values: they may hold what a user wrote.
    reason = getattr(error, "orig", None) or error
    return StoreUnavailable(
        f"The database cannot be used: {reason}.",
        hint="Look at free space and permissions where the database file is.",
        retry_after=1.0,
    )


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


def _engine(path: str, begin: str, connections: int, foreign_keys: bool) -> Engine:
    """A SQLAlchemy engine whose transactions open with the statement `begin`."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": BUSY_SECONDS},
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
