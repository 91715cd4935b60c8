"""The runs themselves: created, claimed, kept alive, finished. Their events are in `event_log`."""

from collections.abc import Collection, Container, Sequence
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, func, insert, literal, or_, select, update

from quorum_mcp.errors import Conflict, NotFound
from quorum_mcp.events import Event
from quorum_mcp.store.clock import MICROSECONDS, DatabaseNow, now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, insert_new
from quorum_mcp.store.event_log import event_rows, insert_events
from quorum_mcp.store.run_rows import (
    SEARCHED,
    Beat,
    FinalStatus,
    Key,
    NewRun,
    NewTurn,
    Run,
    StaleOwner,
    Started,
    run_of,
)
from quorum_mcp.store.stops import Stops
from quorum_mcp.store.tables import idempotency_keys, runs

OPEN = ("queued", "running")

# Statements of the hot path are built once: building one costs as much CPU as carrying it out.
_create = insert(runs).values(heartbeat_at=DatabaseNow())
_get = select(runs).where(runs.c.id == bindparam("the_run"))
_finish = (
    update(runs)
    .where(runs.c.id == bindparam("the_run"), runs.c.epoch == bindparam("the_epoch"))
    .where(runs.c.status == "running")
    .values(
        status=bindparam("status"),
        output=func.coalesce(bindparam("output", type_=Text), runs.c.output),
        total_cost=bindparam("total_cost"),
        calls=bindparam("calls"),
        simulated=bindparam("simulated"),
        updated_at=bindparam("now"),
        finished_at=bindparam("now"),
    )
)


class Runs:
    """Every run of this database, of whatever process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.stops = Stops(database)

    async def create(self, run: NewRun, *, key: Key | None = None) -> Started:
        """Store a new run; with an owner it is running at once under epoch 1, without one it is queued.

        Raises:
            Conflict: the idempotency key came with another body before.
            StoreUnavailable: nothing is stored.
        """
        row = _new_row(run)

        def body(conn: Connection) -> Started:
            if key is not None and (before := _use_key(conn, run.tenant, key, run.id, 1)):
                return before
            conn.execute(_create, row)
            return Started(run.id, 1, row["epoch"])

        return await self._database.write(body)

    async def start_turn(self, turn: NewTurn, *, key: Key | None = None) -> Started:
        """Start the next turn of a run that has ended, under a new epoch.

        Raises:
            NotFound: the tenant has no such run.
            Conflict: the run has not ended yet, or the idempotency key came with another body before.
        """
        now = now_us()
        statement = (
            update(runs)
            .where(runs.c.id == turn.run_id, runs.c.tenant == turn.tenant, runs.c.status.not_in(OPEN))
            .values(
                status="queued" if turn.owner is None else "running",
                mode=turn.mode,
                principal=turn.principal,
                input=turn.input,
                owner=turn.owner,
                turn=runs.c.turn + 1,
                epoch=runs.c.epoch + 1,
                heartbeat_at=DatabaseNow(),
                deadline_at=turn.deadline_at,
                cancel_requested=False,
                updated_at=now,
                finished_at=None,
            )
            .returning(runs.c.turn, runs.c.epoch)
        )

        def body(conn: Connection) -> Started:
            if key is not None and (before := _use_key(conn, turn.tenant, key, turn.run_id, None)):
                return before
            row = conn.execute(statement).first()
            if row is None:
                raise _not_startable(conn, turn)
            if key is not None:
                _name_turn(conn, turn.tenant, key, row.turn)
            return Started(turn.run_id, row.turn, row.epoch)

        return await self._database.write(body)

    async def get(self, run_id: str, *, tenant: str | None = None) -> Run | None:
        """The run; None where there is none, or where it belongs to another tenant than the one given."""

        def body(conn: Connection) -> Run | None:
            row = conn.execute(_get, {"the_run": run_id}).mappings().first()
            if row is None or (tenant is not None and row["tenant"] != tenant):
                return None
            return run_of(row)

        return await self._database.read(body)

    async def claim(
        self,
        run_id: str,
        owner: str,
        *,
        expected_epoch: int | None = None,
        stale_seconds: float | None = None,
    ) -> int | None:
        """Take a queued or running run over; of several that try at once, one succeeds.

        With `expected_epoch` only while the run's epoch is that one; with `stale_seconds` only if its
        heartbeat is older, by the database's clock. Returns the new epoch, or None where the run or the
        condition is not there (any more).
        """
        statement = (
            update(runs)
            .where(runs.c.id == run_id, runs.c.status.in_(OPEN))
            .values(
                status="running",
                owner=owner,
                epoch=runs.c.epoch + 1,
                heartbeat_at=DatabaseNow(),
                updated_at=now_us(),
            )
            .returning(runs.c.epoch)
        )
        if expected_epoch is not None:
            statement = statement.where(runs.c.epoch == expected_epoch)
        if stale_seconds is not None:
            statement = statement.where(_stale(stale_seconds))
        return await self._database.write(lambda conn: conn.execute(statement).scalar())

    async def heartbeat(self, owner: str, run_ids: Collection[str]) -> list[Beat]:
        """Tell that `owner` is alive. Runs that are missing in the answer are not its own any more."""
        # Rows are locked in the order of their ids: two multi-row updates cannot deadlock (PostgreSQL).
        mine = (
            select(runs.c.id)
            .where(runs.c.id.in_(run_ids), runs.c.owner == owner, runs.c.status == "running")
            .order_by(runs.c.id)
            .with_for_update()
        )
        statement = (
            update(runs)
            .where(runs.c.id.in_(mine))
            .values(heartbeat_at=DatabaseNow())
            .returning(runs.c.id, runs.c.epoch, runs.c.cancel_requested)
        )

        def body(conn: Connection) -> list[Beat]:
            return [Beat(row.id, row.epoch, row.cancel_requested) for row in conn.execute(statement)]

        return await self._database.write(body) if run_ids else []

    async def stale(self, seconds: float, *, limit: int = 100) -> list[Run]:
        """Queued and running runs whose heartbeat is older than `seconds` by the database's clock."""
        statement = (
            select(runs)
            .where(runs.c.status.in_(OPEN), _stale(seconds))
            .order_by(runs.c.heartbeat_at)
            .limit(limit)
        )

        def body(conn: Connection) -> list[Run]:
            return [run_of(row) for row in conn.execute(statement).mappings()]

        return await self._database.read(body)

    async def finish(
        self,
        run_id: str,
        epoch: int,
        status: FinalStatus,
        *,
        output: str | None,
        total_cost: int | None,
        calls: int,
        simulated: bool,
        events: Sequence[Event] = (),
    ) -> None:
        """End the turn and store its last events, in one transaction.

        `output` is JSON (None keeps that of the turn before); `total_cost` (nanodollars), `calls` and
        `simulated` are those of the whole session.

        Raises:
            StaleOwner: the run is not running under `epoch` any more; nothing is stored.
        """
        values: dict[str, Any] = {
            "the_run": run_id,
            "the_epoch": epoch,
            "status": status,
            "output": output,
            "total_cost": total_cost,
            "calls": calls,
            "simulated": simulated,
            "now": now_us(),
        }
        rows = event_rows(run_id, epoch, events)

        def body(conn: Connection) -> None:
            if changed(conn.execute(_finish, values)) == 0:
                raise StaleOwner(f"Session {run_id} is not running under epoch {epoch} any more.")
            insert_events(conn, rows)

        await self._database.write(body)
        if rows:
            self._database.signals.tell(run_id, rows[-1]["seq"])

    async def request_cancel(self, run_id: str, *, tenant: str | None = None) -> bool:
        """Ask the run's owner, whoever it is, to stop. False where there is no such open run."""
        statement = (
            update(runs)
            .where(runs.c.id == run_id, runs.c.status.in_(OPEN))
            .values(cancel_requested=True, updated_at=now_us())
            .returning(runs.c.id)
        )
        if tenant is not None:
            statement = statement.where(runs.c.tenant == tenant)
        asked = await self._database.write(lambda conn: conn.execute(statement).first() is not None)
        if asked:
            self._database.signals.ask(run_id)
        return asked

    async def requests(self, run_ids: Container[str], seconds: float) -> None:
        """Return when something is asked of one of the runs, where the database tells, or after `seconds`."""
        await self._database.signals.asked(run_ids, seconds)

    async def cancel_requested(self, run_ids: Collection[str]) -> set[str]:
        """Those of the runs that somebody asked to stop."""
        statement = select(runs.c.id).where(runs.c.id.in_(run_ids), runs.c.cancel_requested)
        if not run_ids:
            return set()
        return await self._database.read(lambda conn: set(conn.execute(statement).scalars()))

    async def expire_idle(self, before: int) -> list[str]:
        """Expire open runs in which nothing happened since `before` (microseconds). Returns their ids.

        A live owner's heartbeat keeps its runs from it; nothing is deleted.
        """
        idle = (
            select(runs.c.id)
            .where(runs.c.status.in_(OPEN), runs.c.updated_at < before, runs.c.heartbeat_at < before)
            .order_by(runs.c.id)
            .with_for_update()
        )
        now = now_us()
        statement = (
            update(runs)
            .where(runs.c.id.in_(idle))
            .values(status="expired", epoch=runs.c.epoch + 1, updated_at=now, finished_at=now)
            .returning(runs.c.id)
        )
        return await self._database.write(lambda conn: list(conn.execute(statement).scalars()))


def _new_row(run: NewRun) -> dict[str, Any]:
    now = now_us()
    return {
        "id": run.id,
        "kind": run.kind,
        "tenant": run.tenant,
        "principal": run.principal,
        "status": "queued" if run.owner is None else "running",
        "mode": run.mode,
        "title": run.title.replace("\0", ""),  # PostgreSQL's text cannot hold it
        "search": run.question[:SEARCHED].casefold().replace("\0", ""),
        "turn": 1,
        "input": run.input,
        "owner": run.owner,
        "epoch": 0 if run.owner is None else 1,
        "deadline_at": run.deadline_at,
        "cancel_requested": False,
        "simulated": run.simulated,
        "calls": 0,
        "created_at": now,
        "updated_at": now,
    }


def _stale(seconds: float) -> Any:
    """The heartbeat is older than `seconds`, or so far ahead that the clock has jumped back since."""
    limit = literal(int(seconds * MICROSECONDS))
    return or_(
        runs.c.heartbeat_at <= DatabaseNow() - limit,
        and_(limit > 0, runs.c.heartbeat_at > DatabaseNow() + limit),
    )


def _use_key(conn: Connection, tenant: str, key: Key, run_id: str, turn: int | None) -> Started | None:
    """Take the idempotency key for this run; or the turn that an equal request started before."""
    row = {
        "tenant": tenant,
        "key": key.key,
        "body_hash": key.body_hash,
        "run_id": run_id,
        "turn": turn or 0,
        "created_at": now_us(),
    }
    if changed(conn.execute(insert_new(conn, idempotency_keys), row)) == 1:
        return None
    same_key = and_(idempotency_keys.c.tenant == tenant, idempotency_keys.c.key == key.key)
    before = conn.execute(
        select(idempotency_keys.c.body_hash, idempotency_keys.c.run_id, idempotency_keys.c.turn).where(
            same_key
        )
    ).one()
    if before.body_hash != key.body_hash:
        raise Conflict(
            "This idempotency key was used with a different request.",
            hint="Use a new key for a new request; repeat a request unchanged to get its first answer.",
            details={"session_id": before.run_id},
        )
    epoch = conn.execute(select(runs.c.epoch).where(runs.c.id == before.run_id)).scalar()
    return Started(before.run_id, before.turn, epoch or 0, created=False)


def _name_turn(conn: Connection, tenant: str, key: Key, turn: int) -> None:
    same_key = and_(idempotency_keys.c.tenant == tenant, idempotency_keys.c.key == key.key)
    conn.execute(update(idempotency_keys).where(same_key).values(turn=turn))


def _not_startable(conn: Connection, turn: NewTurn) -> Conflict | NotFound:
    status = conn.execute(
        select(runs.c.status).where(runs.c.id == turn.run_id, runs.c.tenant == turn.tenant)
    ).scalar()
    if status is None:
        return NotFound(f"There is no session {turn.run_id}.", hint="List sessions: quorum sessions")
    return Conflict(
        f"Session {turn.run_id} is still {status}.", hint="Wait for its answer, or cancel it, then ask again."
    )
