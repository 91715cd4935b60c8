"""Requests to give up one part of a run, left by one process for the one that owns the run."""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import Connection, bindparam, insert, select, update

from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.tables import part_stops


class Stop(Struct, frozen=True):
    """An open request: give up `part` of the run, as far as it is still at this turn."""

    id: str
    run_id: str
    turn: int
    part: str


_ask = insert(part_stops)
_answer = update(part_stops).where(part_stops.c.id == bindparam("the_stop"))
_answered = select(part_stops.c.found).where(part_stops.c.id == bindparam("the_stop"))


class Stops:
    """The requests of this database. The owner looks for them with each heartbeat, at once where it is told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, run_id: str, turn: int, part: str) -> str:
        """Leave a request; returns its id.

        Raises:
            StoreUnavailable: nothing is stored.
        """
        stop_id = new_id("stop")
        row = {
            "id": stop_id,
            "run_id": run_id,
            "turn": turn,
            "part": part.replace("\0", ""),
            "at": now_us(),
        }
        await self._database.write(lambda conn: conn.execute(_ask, row) and None)
        self._database.signals.ask(run_id)
        return stop_id

    async def open(self, run_ids: Collection[str]) -> list[Stop]:
        """Requests for these runs that nobody has answered, in the order they came."""
        statement = (
            select(part_stops.c.id, part_stops.c.run_id, part_stops.c.turn, part_stops.c.part)
            .where(part_stops.c.run_id.in_(run_ids), part_stops.c.found.is_(None))
            .order_by(part_stops.c.at, part_stops.c.id)
        )

        def body(conn: Connection) -> list[Stop]:
            return [Stop(*row) for row in conn.execute(statement)]

        return await self._database.read(body) if run_ids else []

    async def answer(self, stop_id: str, *, found: bool) -> None:
        """Say whether the run had such an open part, which is given up now."""
        await self._database.write(
            lambda conn: conn.execute(_answer.values(found=found), {"the_stop": stop_id}) and None
        )

    async def answered(self, stop_id: str) -> bool | None:
        """The owner's answer; None where there is none yet."""
        return await self._database.read(lambda conn: conn.execute(_answered, {"the_stop": stop_id}).scalar())
