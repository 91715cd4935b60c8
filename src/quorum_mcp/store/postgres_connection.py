"""One connection to PostgreSQL, and the transactions on it, one after the other."""

import asyncio
from collections.abc import Callable
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from quorum_mcp.store.postgres_errors import DATABASE_ERRORS, fault
from quorum_mcp.store.postgres_tally import Receipt, Tally, is_stored

T = TypeVar("T")

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class ConnectionLost(Exception):
    """The connection is gone; while `committing`, the transaction may be stored, and its body had this result."""

    def __init__(self, committing: bool, receipt: Receipt | None, result: Any) -> None:
        super().__init__("the connection to the database was lost")
        self.committing = committing
        self.receipt = receipt
        self.result = result


class PostgresConnection:
    """A connection that is kept.

    Transactions are begun and ended straight on the driver, and SQLAlchemy believes that each statement is
    committed at once: its own transactions take twice the CPU.
    """

    def __init__(self, connection: AsyncConnection, raw: Any) -> None:
        self._connection = connection
        self._raw = raw
        self._tally = Tally(raw)

    @classmethod
    async def open(cls, engine: AsyncEngine) -> Self:
        """Connect through an engine in autocommit mode. Raises `DATABASE_ERRORS`."""
        connection = await engine.connect()
        return cls(connection, (await connection.get_raw_connection()).driver_connection)

    @property
    def usable(self) -> bool:
        """Whether it is still connected, as far as this side knows."""
        return not self._raw.is_closed()

    async def transact(self, body: Callable[[Connection], T], *, write: bool) -> T:
        """What `body` returns, its transaction committed; afterwards the next may begin, or it is not `usable`.

        Raises:
            ConnectionLost: what becomes of the transaction is not known here.
            BaseException: what the body or the database raised; nothing is stored.
        """
        receipt = result = None
        committing = False
        try:
            if write:
                receipt = await self._tally.begin()
            else:
                await self._raw.execute(_READ)
            result = await self._connection.run_sync(_carry_out, body)
            committing = write
            status = await self._raw.execute("COMMIT")
        except DATABASE_ERRORS as error:
            what = "lost" if self._raw.is_closed() else fault(error)
            if what in ("lost", "away"):
                self._raw.terminate()
                if what == "lost" or committing:
                    raise ConnectionLost(committing, receipt, result) from error
            raise
        except asyncio.CancelledError:
            self._raw.terminate()
            raise
        finally:
            await self._roll_back()
        if status != "COMMIT":
            raise RuntimeError("A transaction's body went on after a statement of it had failed.")
        self._tally.committed(receipt)
        return result

    async def is_stored(self, receipt: Receipt) -> bool | None:
        """Whether a transaction of another connection is stored; None where the database forgot.

        Raises `DATABASE_ERRORS`.
        """
        return await is_stored(self._raw, receipt)

    async def close(self) -> None:
        """Say good-bye, where somebody listens."""
        if self.usable:
            try:
                await self._tally.close()
            except DATABASE_ERRORS:
                self._raw.terminate()
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
