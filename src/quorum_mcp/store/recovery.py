"""What a dead process left in its journal, stored once, by whichever process comes first."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from quorum_mcp import codec
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.database import Database
from quorum_mcp.store.leases import return_segment
from quorum_mcp.store.records import store_records, stored_alone, unfinished
from quorum_mcp.store.segment import SUFFIX, Orphan

log = logging.getLogger(__name__)

UNUSABLE = (SQLAlchemyError, ArithmeticError, TypeError, ValueError)
"""What a record raises that the database refuses as such; JSON of another shape is a ValueError too."""
STILLBORN_SECONDS = 3600.0
"""After which a segment that never got its name is removed."""


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """One line of the journal.

    Attributes:
        kind: `sent`: a request leaves; `done`: it ended; `called`: its call ended without it, or stands for it.
        call: in `sent` the call as it began, in the others its final record, where it has ended.
    """

    kind: Literal["sent", "done", "called"]
    attempt: AttemptRecord | None
    call: CallRecord | None


class Recovered(Struct, frozen=True):
    """What was found: segments replayed, attempts in them, and how many of those ended unknown."""

    segments: int = 0
    attempts: int = 0
    unknown: int = 0


async def replay(directory: Path, database: Database) -> Recovered:
    """Store the content of every segment of this database that no live process holds.

    The rows of a segment are one transaction, and the file is removed after its commit: a death in between
    only means that the next process finds every row there already.

    Raises:
        StoreUnavailable: the database cannot be written; the segment stays.
    """
    total = Recovered()
    for path in _segments(directory, database):
        orphan = Orphan.take(path)
        if orphan is not None:
            found = await _replay_one(orphan, database)
            total = Recovered(
                total.segments + found.segments,
                total.attempts + found.attempts,
                total.unknown + found.unknown,
            )
    if total.attempts:
        log.warning(
            "stored %d attempts of processes that ended early, %d with unknown outcome",
            total.attempts,
            total.unknown,
        )
    return total


async def _replay_one(orphan: Orphan, database: Database) -> Recovered:
    stored = False
    try:
        content = await asyncio.to_thread(orphan.read)
        if content.damaged:
            log.error("%d lines of the journal %s cannot be read", content.damaged, orphan.path)
        entries = [codec.decode(payload, Entry) for payload in content.payloads]
        segment = orphan.path.stem
        attempts, unknown = await database.write(lambda conn: _store(conn, segment, entries))
        stored = True
        return Recovered(1, attempts, unknown)
    except UNUSABLE:
        # Another version's, or damaged beyond its checksums: kept for a person, and no start hangs on it.
        orphan.path.rename(orphan.path.with_suffix(".refused"))
        log.exception("the journal %s cannot be stored and is set aside as .refused", orphan.path)
        return Recovered()
    finally:
        orphan.close(delete=stored)


def _store(conn: Connection, segment: str, entries: list[Entry]) -> tuple[int, int]:
    ended = {entry.attempt.id: entry.attempt for entry in entries if entry.kind != "sent" and entry.attempt}
    final = {entry.call.id: entry.call for entry in entries if entry.kind != "sent" and entry.call}
    alone = {call.id for call in final.values() if call.alone}
    # A call that ended when the journal had no room left for that may be stored all the same, and settled.
    open_ids = {entry.call.id for entry in entries if entry.call} - set(final)
    stored = stored_alone(conn, open_ids)
    unknown: dict[str, AttemptRecord] = {}
    begun: dict[str, CallRecord] = {}
    for entry in entries:
        if entry.kind == "sent" and entry.attempt is not None and entry.call is not None:
            if entry.call.id in alone or entry.call.id in stored:
                continue
            if entry.attempt.id not in ended:
                # Its cost is what was set aside for it: the provider may have billed that.
                unknown[entry.attempt.id] = structs.replace(entry.attempt, status="unknown", estimated=True)
            if entry.call.id not in final:
                begun[entry.call.id] = entry.call
    store_records(conn, [*ended.values(), *unknown.values()], list(final.values()))
    store_records(conn, [], [unfinished(conn, call) for call in begun.values()])
    return_segment(conn, segment)  # its slices of budgets, now that all that was billed to them is settled
    return len(ended) + len(alone) + len(unknown), len(unknown)


def _segments(directory: Path, database: Database) -> list[Path]:
    """The database's segments; files of processes that died while they made them are removed."""
    for path in directory.glob("*.new"):
        try:
            if time.time() - path.stat().st_mtime > STILLBORN_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue
    return sorted(directory.glob(f"{database.id}-*{SUFFIX}"))
