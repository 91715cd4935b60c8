"""From the journal to the database: records wait a moment, then many go in one transaction."""

import asyncio
import logging
from pathlib import Path

from msgspec import Struct
from sqlalchemy import Connection

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.database import Database
from quorum_mcp.store.records import store_records
from quorum_mcp.store.recovery import UNUSABLE

log = logging.getLogger(__name__)

DELAY_SECONDS = 0.05
BUSY_SECONDS = 0.2
"""The delay after a batch of `BUSY` records or more: the larger the batches, the less each record costs."""
BUSY = 20
BATCH = 500
RETRY_SECONDS = 5.0
"""Longest pause between two tries while the database is away."""


class Waiting(Struct, frozen=True, gc=False):
    """A record on its way: its line in the journal, and what of it the database gets."""

    line: bytes
    attempt: AttemptRecord | None
    call: CallRecord | None


class Settler:
    """Stores records in the order they came, `DELAY_SECONDS` after the first of a batch, or a little later."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.waiting: list[Waiting] = []
        self._database = database
        self._rejected = directory / "rejected.jsonl"
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task = asyncio.create_task(self._run(), name="journal settler")

    def add(self, line: bytes, attempt: AttemptRecord | None, call: CallRecord | None) -> None:
        """Hand in a record."""
        self.waiting.append(Waiting(line, attempt, call))
        self._wake.set()

    async def flush(self) -> None:
        """Return when all that was handed in before is stored. Raises `StoreUnavailable`."""
        remaining = len(self.waiting)
        while remaining > 0 and self.waiting:
            remaining -= await self._store()

    async def close(self) -> None:
        """Stop, after a last try to store everything. Raises `StoreUnavailable`."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _run(self) -> None:
        pause, away = DELAY_SECONDS, False
        while True:
            await self._wake.wait()
            await asyncio.sleep(pause)
            try:
                stored = await self._store()
                while len(self.waiting) >= BATCH:
                    stored += await self._store()
            except (StoreUnavailable, OSError) as error:
                if not away:
                    log.warning("usage records wait in the journal: %s", error)
                away, pause = True, min(pause * 2, RETRY_SECONDS)
                continue
            away, pause = False, DELAY_SECONDS if stored < BUSY else BUSY_SECONDS
            if not self.waiting:
                self._wake.clear()

    async def _store(self) -> int:
        """Store one batch; returns how many records it had."""
        async with self._lock:
            batch = self.waiting[:BATCH]
            if batch:
                try:
                    await self._write(batch)
                except UNUSABLE:
                    await self._one_by_one(batch)
                del self.waiting[: len(batch)]
            return len(batch)

    async def _write(self, batch: list[Waiting]) -> None:
        attempts = [one.attempt for one in batch if one.attempt is not None]
        calls = [one.call for one in batch if one.call is not None]

        def body(conn: Connection) -> None:
            store_records(conn, attempts, calls)

        await self._database.write(body)

    async def _one_by_one(self, batch: list[Waiting]) -> None:
        """The database refuses something in the batch as such: set that aside, so that it holds up no other."""
        for one in batch:
            try:
                await self._write([one])
            except UNUSABLE:
                log.exception("a usage record was refused and is kept in %s", self._rejected)
                with self._rejected.open("ab") as file:
                    file.write(one.line + b"\n")
