"""What users said about answers."""

from msgspec import Struct
from sqlalchemy import Connection, select

from quorum_mcp.errors import NotFound
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import put
from quorum_mcp.store.tables import feedback, runs


class Score(Struct, frozen=True):
    """One turn's score: from 0 (wrong) to 1 (right); `at` in microseconds since 1970."""

    run_id: str
    turn: int
    score: float
    note: str | None
    at: int


class Feedback:
    """Scores, at most one for each turn of a run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give(
        self, run_id: str, turn: int, score: float, *, tenant: str, note: str | None = None
    ) -> Score:
        """Score a turn; a second score replaces the first.

        Raises:
            NotFound: the tenant has no such turn.
        """
        given = Score(run_id, turn, score, note, now_us())
        owned = select(runs.c.turn).where(runs.c.id == run_id, runs.c.tenant == tenant)

        def body(conn: Connection) -> None:
            last = conn.execute(owned).scalar()
            if last is None or not 1 <= turn <= last:
                raise NotFound(f"There is no turn {turn} in a session {run_id}.")
            row = {"run_id": run_id, "turn": turn, "score": score, "note": note, "at": given.at}
            conn.execute(put(conn, feedback), row)

        await self._database.write(body)
        return given

    async def since(self, at: int = 0, *, tenant: str | None = None) -> list[Score]:
        """Scores given after `at` (microseconds), oldest first."""
        statement = select(feedback).where(feedback.c.at > at).order_by(feedback.c.at)
        if tenant is not None:
            statement = statement.join(runs, runs.c.id == feedback.c.run_id).where(runs.c.tenant == tenant)

        def body(conn: Connection) -> list[Score]:
            return [Score(**dict(row)) for row in conn.execute(statement).mappings()]

        return await self._database.read(body)
