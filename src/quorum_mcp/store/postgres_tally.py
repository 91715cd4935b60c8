"""How a commit ended whose answer the network swallowed.

Each connection that writes has a row of its own in the table `writers`, and every transaction adds one to it.
So whoever reads that row knows which of the connection's transactions are stored. The number of the
transaction itself would not do: a server that crashes may give the number of a lost transaction to another.
"""

import secrets
from typing import Any

import asyncpg
from msgspec import Struct

from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.tables import writers

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_COUNT = f"{_BEGIN}; EXECUTE quorum_count"
_NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
_FORGET_AFTER = 24 * 3600 * MICROSECONDS
"""Rows of processes that died are removed after this time without a write."""

# One round trip, and one transaction. The row is updated by a plan that is made once.
_PREPARE = f"""
    DELETE FROM {writers.name} WHERE id IN (
        SELECT id FROM {writers.name} WHERE at < {_NOW} - {_FORGET_AFTER} FOR UPDATE SKIP LOCKED);
    INSERT INTO {writers.name} (id, commits, at) VALUES ('%(id)s', 0, {_NOW});
    PREPARE quorum_count AS
        UPDATE {writers.name} SET commits = commits + 1, at = {_NOW} WHERE id = '%(id)s'
"""  # noqa: S608 - nothing of a user's is in it


class Receipt(Struct, frozen=True):
    """Names a transaction: the `number`th that is committed by a writer."""

    writer: str
    number: int


class Tally:
    """One connection's count of its commits, here and in the database."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._id = secrets.token_hex(8)
        self._committed = 0
        self._prepared = False

    async def begin(self) -> Receipt | None:
        """Begin a transaction that writes; None where the table is not there yet."""
        if not self._prepared and not await self._prepare():
            await self._raw.execute(_BEGIN)
            return None
        number = self._committed + 1
        if await self._raw.execute(_COUNT) != "UPDATE 1":  # Another process took this one for dead.
            await self._raw.execute(f"INSERT INTO {writers.name} VALUES ('{self._id}', {number}, {_NOW})")  # noqa: S608
        return Receipt(self._id, number)

    def committed(self, receipt: Receipt | None) -> None:
        """The transaction is known to be stored."""
        if receipt is not None:
            self._committed = receipt.number

    async def close(self) -> None:
        """Remove the row."""
        if self._prepared:
            await self._raw.execute(f"DELETE FROM {writers.name} WHERE id = '{self._id}'")  # noqa: S608

    async def _prepare(self) -> bool:
        try:
            await self._raw.execute(_PREPARE % {"id": self._id})
        except asyncpg.UndefinedTableError:
            return False
        self._prepared = True
        return True


async def is_stored(raw: Any, receipt: Receipt) -> bool | None:
    """Whether the transaction was committed, asked on another connection; None where its row is gone.

    Waits while the server still works on it.
    """
    found = await raw.fetchval(
        f"SELECT commits FROM {writers.name} WHERE id = $1 FOR UPDATE",  # noqa: S608
        receipt.writer,
    )
    return None if found is None else found >= receipt.number
