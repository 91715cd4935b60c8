"""The stored events of runs: appended by a run's owner, read by anyone."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Connection, bindparam, insert, select, update

from quorum_mcp import codec
from quorum_mcp.events import Event, EventType
from quorum_mcp.store.clock import DatabaseNow, now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed
from quorum_mcp.store.run_rows import StaleOwner
from quorum_mcp.store.tables import events, runs

# One statement checks the owner, locks the run's row until the commit (a claim has to wait, on every engine)
# and tells that the owner is alive.
_hold = (
    update(runs)
    .where(runs.c.id == bindparam("the_run"), runs.c.epoch == bindparam("the_epoch"))
    .where(runs.c.status == "running")
    .values(heartbeat_at=DatabaseNow(), updated_at=bindparam("now"))
)
_insert = insert(events)
_read = (
    select(events.c.seq, events.c.ts, events.c.type, events.c.data)
    .where(events.c.run_id == bindparam("the_run"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)


class EventLog:
    """Numbered events, by run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, run_id: str, epoch: int, new: Sequence[Event]) -> None:
        """Store the events, all or none; a run's numbers must grow.

        Raises:
            StaleOwner: the run is not running under `epoch` any more; nothing is stored.
            StoreUnavailable: nothing is stored.
        """
        rows = event_rows(run_id, epoch, new)
        hold = {"the_run": run_id, "the_epoch": epoch, "now": now_us()}

        def body(conn: Connection) -> None:
            if changed(conn.execute(_hold, hold)) == 0:
                raise StaleOwner(f"Session {run_id} is not running under epoch {epoch} any more.")
            if rows:
                conn.execute(_insert, rows)

        await self._database.write(body)
        if rows:
            self._database.signals.tell(run_id, rows[-1]["seq"])

    async def read(
        self,
        run_id: str,
        *,
        after: int = 0,
        limit: int | None = None,
        types: Collection[EventType] | None = None,
    ) -> list[Event]:
        """The stored events with a number above `after`, in order; only those of `types` where given."""
        statement = _read
        if types is not None:
            statement = statement.where(events.c.type.in_(types))
        if limit is not None:
            statement = statement.limit(limit)

        def body(conn: Connection) -> list[Event]:
            rows = conn.execute(statement, {"the_run": run_id, "after": after})
            return [
                Event(run_id, seq, ts, cast("EventType", kind), codec.decode(data, dict[str, Any]))
                for seq, ts, kind, data in rows
            ]

        return await self._database.read(body)

    def told(self, run_id: str) -> int:
        """The number of the last event of which another process told; 0 where none did."""
        return self._database.signals.last(run_id)

    async def news(self, run_id: str, after: int, seconds: float) -> None:
        """Return when another process has stored an event numbered above `after`, or after a while.

        `seconds` is how often to look where the database tells nothing.
        """
        await self._database.signals.news(run_id, after, seconds)

    async def last_seq(self, run_id: str) -> int:
        """The number of the last stored event, 0 where there is none."""
        statement = (
            select(events.c.seq).where(events.c.run_id == run_id).order_by(events.c.seq.desc()).limit(1)
        )
        return await self._database.read(lambda conn: conn.execute(statement).scalar()) or 0


def event_rows(run_id: str, epoch: int, new: Sequence[Event]) -> list[dict[str, Any]]:
    """The events as rows of the table."""
    return [
        {
            "run_id": run_id,
            "seq": event.seq,
            "ts": event.ts,
            "type": event.type,
            "data": codec.encode_text(event.data),
            "epoch": epoch,
        }
        for event in new
    ]


def insert_events(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert rows of `event_rows`; the caller's transaction has checked the owner."""
    if rows:
        conn.execute(_insert, rows)
