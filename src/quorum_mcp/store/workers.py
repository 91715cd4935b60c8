"""Threads that carry out transactions, each on a connection of its own, for an event loop that must not block.

One hand-over for a whole transaction: with a hand-over for each statement, as asynchronous drivers of SQLite
work, the same transaction costs six times the CPU. Bodies that wait at the same time share a commit.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError

from quorum_mcp.errors import StoreUnavailable

T = TypeVar("T")
DATABASE_ERRORS = (DBAPIError, sqlite3.Error)
"""The second comes bare from the statements that go straight to the driver: BEGIN and the pragmas."""


class _Job(NamedTuple):
    body: Callable[[Connection], Any]
    future: asyncio.Future[Any]


class _Done(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class Workers:
    """Some threads and what waits for them.

    Args:
        engine: where the connections come from; its transactions begin as these threads need.
        threads: how many transactions may run at once.
        share: how many waiting bodies may share one transaction.
        name: of the threads.
    """

    def __init__(self, engine: Engine, *, threads: int, share: int, name: str) -> None:
        self._engine = engine
        self._share = share
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._stopped = False
        # Daemons: a program that forgets to close must still be able to end.
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, body: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Hand in `body`; the future has its result when it is committed.

        A body is carried out even when its future is cancelled before.
        """
        if self._stopped:
            raise StoreUnavailable("The database is closed.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(body, future))
        return future

    def stop(self) -> None:
        """Carry out what was handed in, then end the threads. Blocks until then."""
        self._stopped = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        conn: Connection | None = None
        while batch := self._next():
            conn, done = self._transact(conn, batch)
            _deliver(done)
        if conn is not None:
            conn.close()

    def _next(self) -> list[_Job]:
        """The bodies of the next transaction; none at the end."""
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == self._share:
                break
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
        if job is None and batch:
            self._jobs.put(None)  # The end comes after this batch.
        return batch

    def _transact(self, conn: Connection | None, batch: list[_Job]) -> tuple[Connection | None, list[_Done]]:
        try:
            if conn is None:
                conn = self._engine.connect()
            with conn.begin():
                results = [job.body(conn) for job in batch]
        except BaseException as error:  # noqa: BLE001 - whatever a body raises belongs to its caller
            if conn is not None and isinstance(error, DATABASE_ERRORS):
                conn.close()  # A damaged connection must not fail the next transaction too.
                conn = None
            # A database that cannot be used is so for all of them: each would wait for it as long again.
            if len(batch) == 1 or _is_away(error):
                return conn, [_Done(job.future, None, _for_caller(error)) for job in batch]
        else:
            return conn, [_Done(job.future, result, None) for job, result in zip(batch, results, strict=True)]
        # One of them failed and all were rolled back: each gets a transaction of its own.
        done: list[_Done] = []
        for job in batch:
            conn, one = self._transact(conn, [job])
            done += one
        return conn, done


def _deliver(done: list[_Done]) -> None:
    try:
        done[0].future.get_loop().call_soon_threadsafe(_resolve, done)
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


def _is_away(error: BaseException) -> bool:
    """Whether the database is at fault, not a statement or its values."""
    return isinstance(error, DATABASE_ERRORS) and not isinstance(
        error, IntegrityError | ProgrammingError | DataError | NotSupportedError
    )


def _for_caller(error: BaseException) -> BaseException:
    """StoreUnavailable where the database is at fault, `error` itself where the body or its statement is."""
    if not _is_away(error):
        return error
    # Without the statement and its values: they may hold what a user wrote.
    reason = getattr(error, "orig", None) or error
    failure = StoreUnavailable(
        f"The database cannot be used: {reason}.",
        hint="Look at free space and permissions where the database file is.",
        retry_after=1.0,
    )
    failure.__cause__ = error
    return failure
