"""The journal: a usage record is never lost, whenever the process dies.

`sent` is in the kernel before a request leaves, `done` or `called` before its answer ends; rows reach the database
some milliseconds later, many in one transaction. What a dead process left is stored by any other (`recover`), each
record once. The database may be away for a while: records wait in the journal, and when that is full no
further call is let out. Prompts and answers are not in the journal: it keeps usage, the run's events keep text.
"""

import logging
import os
import secrets
from pathlib import Path
from typing import Literal, Self

from msgspec import Struct, structs

from quorum_mcp import codec
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.database import Database
from quorum_mcp.store.place import Place, look
from quorum_mcp.store.recovery import Entry, Recovered, replay
from quorum_mcp.store.segment import Segment, size
from quorum_mcp.store.settler import Settler

log = logging.getLogger(__name__)

HALF = 8 << 20
"""Bytes of a half segment: room for some thousand calls while the database is away."""
DONE_ROOM = 2048
"""Bytes kept free for the end of every request that is out."""
ERROR_TEXT = 200
"""Characters of an error message that the journal keeps."""


class _OpenCall(Struct):
    """A call that has no final record yet: the `sent` lines of its attempts, and how many are still out."""

    lines: list[bytes]
    out: set[str]


class Journal:
    """This process's journal for one database. Not for use from several threads."""

    def __init__(self, directory: Path, database: Database, segment: Segment) -> None:
        self._directory = directory
        self._database = database
        self._segment = segment
        self.segment = segment.path.stem
        """Names this process's segment, among those of all machines."""
        self.owes = False
        """Whether something in the database names the segment: then it stays for the next process."""
        self._open: dict[str, _OpenCall] = {}
        self._out = 0
        self._settler = Settler(database, directory)

    @classmethod
    async def open(cls, directory: Path, database: Database, *, half: int = HALF) -> Self:
        """Create this process's segment, and store what dead processes left.

        Args:
            directory: where the segments are; on local storage, shared by all processes of the machine.
            database: where the records go.
            half: bytes of half a segment.

        Raises:
            StoreUnavailable: there is no room for the segment, or no permission.
        """
        name = f"{database.id}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            segment = Segment.create(directory, name, half)
        except OSError as error:
            raise _unavailable("cannot be created", error) from error
        journal = cls(directory, database, segment)
        try:
            await journal.recover()
        except StoreUnavailable as error:
            log.warning("journals of earlier processes wait: %s", error)
        except BaseException:
            await journal.close()
            raise
        return journal

    def sent(self, attempt: AttemptRecord, call: CallRecord) -> None:
        """Note that a request is about to leave; call this before it does, once for each attempt.

        `call` is what is known of the call so far: it is stored, as `unknown`, if this process dies.

        Raises:
            StoreUnavailable: the note cannot be written; the request must not leave.
        """
        line = codec.encode(Entry("sent", attempt, _slim(call)))
        self._make_room(size(line) + (self._out + 1) * DONE_ROOM)
        self._segment.append(line)
        self._out += 1
        state = self._open.get(call.id)
        if state is None:
            self._open[call.id] = _OpenCall([line], {attempt.id})
        else:
            state.lines.append(line)
            state.out.add(attempt.id)

    def done(self, attempt: AttemptRecord, call: CallRecord | None = None) -> None:
        """Note how an attempt ended, before its answer does; with `call` where the call ends with it.

        Never raises for want of room: `sent` kept some free.
        """
        self._finish("done", attempt, call)

    def called(self, call: CallRecord) -> None:
        """Note a call that ended without a further attempt, or with its only one, which it then stands for.

        The former are refused, cancelled, or answered by a cache. Never raises for want of room, as `done`.
        """
        self._finish("called", None, call)

    async def flush(self) -> None:
        """Return when everything noted so far is in the database.

        Raises:
            StoreUnavailable: the database cannot be written now; the records stay in the journal.
        """
        await self._settler.flush()

    async def recover(self) -> Recovered:
        """Store what the segments of processes hold that are gone, and remove those.

        Raises:
            StoreUnavailable: the database cannot be written; the segments stay.
        """
        return await replay(self._directory, self._database)

    def place(self) -> Place:
        """The folder of segments, and what is in it. Reads the disk."""
        return look(self._directory, self._database.id)

    @property
    def waiting(self) -> int:
        """How many noted records are not in the database yet."""
        return len(self._settler.waiting)

    async def close(self) -> None:
        """Store what is noted and remove the segment; what cannot be stored stays for the next process."""
        try:
            await self._settler.close()
        except StoreUnavailable as error:
            log.warning("%d records wait in the journal: %s", self.waiting, error)
        self._segment.close(delete=not self._open and not self.waiting and not self.owes)

    def _finish(
        self, kind: Literal["done", "called"], attempt: AttemptRecord | None, call: CallRecord | None
    ) -> None:
        line = codec.encode(Entry(kind, attempt, call and _slim(call)))
        if size(line) > DONE_ROOM:
            line = codec.encode(Entry(kind, attempt, call and _slimmer(call)))
        state = self._open.get(
            call.id if call is not None else attempt.call_id if attempt is not None else ""
        )
        ended = () if state is None else self._ended(state, attempt, call)
        try:
            # A turn of the segment has to keep the `sent` lines until the end of what they began is there.
            self._make_room(size(line) + (self._out - len(ended)) * DONE_ROOM)
            self._segment.append(line)
        except StoreUnavailable as error:
            # The answer is here and is not thrown away; the record is in memory and goes to the database.
            log.error("the journal could not note the end of a call: %s", error)  # noqa: TRY400 - no bug here
        if state is not None:
            self._out -= len(ended)
            state.out.difference_update(ended)
            if call is not None:
                del self._open[call.id]
        self._settler.add(line, attempt, call)

    @staticmethod
    def _ended(state: _OpenCall, attempt: AttemptRecord | None, call: CallRecord | None) -> tuple[str, ...]:
        """The attempts that are out no more."""
        if call is not None:
            return tuple(state.out)
        return (attempt.id,) if attempt is not None and attempt.id in state.out else ()

    def _make_room(self, needed: int) -> None:
        """Make sure that `needed` bytes fit, by leaving behind what is stored."""
        if self._segment.room >= needed:
            return
        kept = [line for state in self._open.values() for line in state.lines]
        kept += [entry.line for entry in self._settler.waiting]
        if sum(map(size, kept)) + size(b"") + needed > self._segment.half:
            raise StoreUnavailable(
                "The journal of usage records is full.",
                hint="The database cannot be written: look at free space and permissions where it is.",
                retry_after=1.0,
            )
        self._segment.turn(kept)


def _slim(call: CallRecord) -> CallRecord:
    """The record without prompt and answer."""
    if call.prompt is None and call.answer is None:
        return call
    return structs.replace(call, prompt=None, answer=None)


def _slimmer(call: CallRecord) -> CallRecord:
    """The record without anything that has no bound."""
    text = call.error_message
    return structs.replace(
        call, prompt=None, answer=None, tags=(), trace=(), error_message=text and text[:ERROR_TEXT]
    )


def _unavailable(what: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"The journal of usage records {what}: {error.strerror}.",
        hint="Look at free space and permissions below QUORUM_HOME. No call was sent.",
        retry_after=5.0,
    )
