"""One connection to PostgreSQL, and the transactions on it, one after the other."""

import asyncio
from collections.abc import Callable
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from quorum_mcp.store.postgres_errors import DATABASE_ERRORS, fault

T = TypeVar("T")

READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    # The server tells its client when this setting changes. So the transaction's number is known without a
    # further round trip, and how a commit ended whose answer the network swallowed can be asked for.
    "SELECT set_config('application_name', 'quorum ' || pg_current_xact_id(), true)"
)
"""How transactions begin."""


class ConnectionLost(Exception):
    """The connection is gone. With `transaction`: while that was committed, and its body had had this `result`."""

    def __init__(self, transaction: str | None, result: Any) -> None:
        super().__init__("the connection to the database was lost")
        self.transaction = transaction
        self.result = result


class PostgresConnection:
    """A connection that is kept.

    Transactions are begun and ended straight on the driver, and SQLAlchemy believes that each statement is
    committed at once: its own transactions take twice the CPU.
    """

    def __init__(self, connection: AsyncConnection, raw: Any) -> None:
        self._connection = connection
        self._raw = raw

    @classmethod
    async def open(cls, engine: AsyncEngine) -> Self:
        """Connect through an engine in autocommit mode. Raises `DATABASE_ERRORS`."""
        connection = await engine.connect()
        return cls(connection, (await connection.get_raw_connection()).driver_connection)

    @property
    def usable(self) -> bool:
        """Whether it is still connected, as far as this side knows."""
        return not self._raw.is_closed()

    async def transact(self, begin: str, body: Callable[[Connection], T]) -> T:
        """What `body` returns, its transaction committed; afterwards the next may begin, or it is not `usable`.

        Raises:
            ConnectionLost: what becomes of the transaction is not known here.
            BaseException: what the body or the database raised; nothing is stored.
        """
        transaction = ending = result = None
        try:
            await self._raw.execute(begin)
            if begin is WRITE:
                transaction = self._raw.get_settings().application_name.rpartition(" ")[2]
            result = await self._connection.run_sync(_carry_out, body)
            ending = transaction
            status = await self._raw.execute("COMMIT")
        except DATABASE_ERRORS as error:
            what = "lost" if self._raw.is_closed() else fault(error)
            if what in ("lost", "away"):
                self._raw.terminate()
                if what == "lost" or ending is not None:
                    raise ConnectionLost(ending, result) from error
            raise
        except asyncio.CancelledError:
            self._raw.terminate()
            raise
        finally:
            await self._roll_back()
        if status != "COMMIT":
            raise RuntimeError("A transaction's body went on after a statement of it had failed.")
        return result

    async def outcome(self, transaction: str) -> str | None:
        """How a transaction ended: committed, aborted, in progress; None where that is too long ago.

        Raises `DATABASE_ERRORS`.
        """
        return await self._raw.fetchval("SELECT pg_xact_status($1::text::xid8)", transaction)

    async def close(self) -> None:
        """Say good-bye, where somebody listens."""
        await self._connection.close()

    async def _roll_back(self) -> None:
        """Leave the transaction if one is still open."""
        if self._raw.is_closed() or not self._raw.is_in_transaction():
            return
        try:
            await self._raw.execute("ROLLBACK")
        except DATABASE_ERRORS:
            self._raw.terminate()


def _carry_out(conn: Connection, body: Callable[[Connection], T]) -> T:
    with conn.begin():
        return body(conn)
