"""PostgreSQL: a few connections of this process, each carrying out one transaction at a time.

Writes are at READ COMMITTED: who reads in order to write locks what it reads (`with_for_update`), or says it
all in one conditional statement. What the server asks to be repeated is repeated here. While the server is
away everything is refused at once; connections are made anew as soon as it is back.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.store import postgres_dialect
from quorum_mcp.store.postgres_connection import ConnectionLost, PostgresConnection
from quorum_mcp.store.postgres_errors import DATABASE_ERRORS, fault, origin, unavailable
from quorum_mcp.store.postgres_signals import PostgresSignals
from quorum_mcp.store.postgres_tally import Receipt

T = TypeVar("T")

CONNECTIONS = 8
WAIT_SECONDS = 5.0
"""For a connection that is free."""
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5.0
"""After which the server gives a statement up, what it waits for included."""
IDLE_SECONDS = 3.0
"""After which the server ends a transaction whose process has stopped: its locks must not hold up others."""
TRIES = 6
AWAY_SECONDS = 0.25
"""For which a server that could not be reached is not tried again."""
UNKNOWN_SECONDS = 10.0
"""For which it is asked how a commit ended whose connection broke."""


class PostgresEngine:
    """A PostgreSQL database. Implements `store.database.Engine`."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Connects when first used; with `patient` a statement may take as long as it takes, for migrations."""
        connect = _connector(url, patient)
        self._engine = _engine(connect)
        self.signals = PostgresSignals(connect)
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[PostgresConnection] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reached = False
        self._away: tuple[float, BaseException] | None = None
        self._closed = False

    async def read(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in a snapshot that cannot write."""
        return await self._submit(body, write=False)

    async def write(self, body: Callable[[Connection], T]) -> T:
        """Run `body` in a transaction of its own."""
        return await self._submit(body, write=True)

    async def close(self) -> None:
        """Finish what was handed in, then disconnect."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.signals.close()
        while self._idle:
            await self._idle.pop().close()
        await self._engine.dispose()

    async def _submit(self, body: Callable[[Connection], T], *, write: bool) -> T:
        if self._closed:
            raise StoreUnavailable("The database is closed.")
        # A task of its own, for it goes on when its caller is cancelled.
        task = asyncio.create_task(self._in_turn(body, write=write))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Seen, even where the caller does not wait for it any more.

    async def _in_turn(self, body: Callable[[Connection], T], *, write: bool) -> T:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._room.acquire()
        except TimeoutError as error:
            raise StoreUnavailable(
                "The database is too slow: all connections to it are in use.",
                hint="Look at the server's load, and at what holds locks for long.",
                retry_after=1.0,
            ) from error
        try:
            return await self._carry_out(body, write=write)
        finally:
            self._room.release()

    async def _carry_out(self, body: Callable[[Connection], T], *, write: bool) -> T:
        """Carry out `body`, again where the server wants that or a connection broke before its commit."""
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(body, write=write)
            except ConnectionLost as error:
                if error.committing and await self._is_stored(error.receipt):
                    return error.result
                if tries == TRIES:
                    raise unavailable(error.__cause__ or error) from error
            except DATABASE_ERRORS as error:
                what = fault(error)
                if what == "statement":
                    raise
                if what == "away" or tries == TRIES:
                    raise unavailable(error) from error
            # Of random length, so that two who disturbed each other do not meet again.
            await asyncio.sleep(random.uniform(0, 0.01 * 2**tries))  # noqa: S311

    async def _once(self, body: Callable[[Connection], T], *, write: bool) -> T:
        connection = await self._connected()
        try:
            return await connection.transact(body, write=write)
        finally:
            await self._put_back(connection)

    async def _connected(self) -> PostgresConnection:
        """A connection that is free, or a new one.

        Raises:
            StoreUnavailable: the server cannot be reached.
        """
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            await connection.close()
        if self._away is not None and time.monotonic() < self._away[0]:
            raise unavailable(self._away[1])
        try:
            connection = await PostgresConnection.open(self._engine)
        except (*DATABASE_ERRORS, ValueError) as error:
            root = origin(error)
            if isinstance(root, ValueError) and not self._reached:
                # Of others than the driver's own the text may repeat the URL, and its password.
                reason = f": {root}" if isinstance(root, asyncpg.ClientConfigurationError) else ""
                raise ConfigError(
                    f"The database URL cannot be used{reason}.",
                    hint="In a user's name or password, write signs such as @ / : # as %40 %2F %3A %23.",
                ) from error
            self._away = time.monotonic() + AWAY_SECONDS, error
            raise unavailable(error) from error
        self._reached, self._away = True, None
        return connection

    async def _is_stored(self, receipt: Receipt | None) -> bool:
        """Whether a transaction is stored whose connection broke during its commit.

        Raises:
            StoreUnavailable: nobody could tell in time.
        """
        end = time.monotonic() + UNKNOWN_SECONDS
        while receipt is not None and time.monotonic() < end:
            try:
                connection = await self._connected()
                try:
                    stored = await connection.is_stored(receipt)
                finally:
                    await self._put_back(connection)
            except (StoreUnavailable, *DATABASE_ERRORS):
                await asyncio.sleep(0.1)
                continue
            if stored is not None:
                return stored
            break
        raise StoreUnavailable(
            "The database went away during a commit: it is not known whether that was stored.",
            hint="Look whether it is there before you try again.",
            retry_after=1.0,
        )

    async def _put_back(self, connection: PostgresConnection) -> None:
        if connection.usable:
            self._idle.append(connection)
        else:
            await connection.close()


def _connector(url: str, patient: bool) -> Callable[[], Awaitable[Any]]:
    """What connects to `url` as the driver understands it, which is as libpq does."""
    limits = {
        "application_name": "quorum",
        "jit": "off",
        "statement_timeout": "0" if patient else f"{STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": "0" if patient else f"{IDLE_SECONDS}s",
    }

    async def connect() -> Any:
        return await asyncpg.connect(
            "postgresql://" + url.partition("://")[2],
            timeout=CONNECT_SECONDS,
            # Later than the server's own limit: this one is for a server that does not answer at all.
            command_timeout=None if patient else 2 * STATEMENT_SECONDS,
            server_settings=limits,
        )

    return connect


def _engine(connect: Callable[[], Awaitable[Any]]) -> AsyncEngine:
    """SQLAlchemy's part: it keeps no connections and begins no transactions."""

    async def create(*_args: Any, **_options: Any) -> Any:
        return await connect()

    return create_async_engine(
        f"{postgres_dialect.NAME.replace('.', '+')}://",
        async_creator=create,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={"prepared_statement_cache_size": 300},
        hide_parameters=True,  # An error's text may be logged; the values may be what a user wrote.
    )
