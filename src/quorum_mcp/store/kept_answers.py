"""Answers that are given again to repeats of a request: who asks first answers it, once."""

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, select, tuple_, update

from quorum_mcp.errors import Conflict
from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, insert_new
from quorum_mcp.store.tables import kept_answers

KEEP_SECONDS = 24 * 3600
"""For how long an answer is kept."""
BATCH = 500
"""Rows that one transaction deletes."""
_c = kept_answers.c


class Repeat(Struct, frozen=True):
    """A request that may come again: whose, under which key, and what it says."""

    caller: str
    key: str
    body_hash: str


class Turn(Struct, frozen=True):
    """The right to answer a request, for whoever has it first."""

    repeat: Repeat
    owner: str


class KeptAnswers:
    """The kept answers of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, repeat: Repeat, seconds: float) -> Turn | bytes | None:
        """The turn to answer, which lasts for `seconds`; or the answer, or None while somebody else has the turn.

        Raises:
            Conflict: the key came with another request before.
        """
        return await self._database.write(lambda conn: _begin(conn, repeat, seconds))

    async def keep(self, turn: Turn, answer: bytes) -> None:
        """Keep the answer for all repeats."""
        statement = update(kept_answers).where(_own(turn)).values(answer=answer)
        await self._database.write(lambda conn: conn.execute(statement) and None)

    async def give_up(self, turn: Turn) -> None:
        """There is no answer: the next who asks has the turn."""
        statement = delete(kept_answers).where(_own(turn), _c.answer.is_(None))
        await self._database.write(lambda conn: conn.execute(statement) and None)


def forget_old(conn: Connection, before: int) -> int:
    """Delete some that are older than a day, or than `before`; how many there were."""
    too_old = max(before, now_us() - KEEP_SECONDS * MICROSECONDS)
    oldest = select(_c.caller, _c.key).where(_c.created_at < too_old).order_by(_c.created_at).limit(BATCH)
    keys = [tuple(row) for row in conn.execute(oldest)]
    return (
        changed(conn.execute(delete(kept_answers).where(tuple_(_c.caller, _c.key).in_(keys)))) if keys else 0
    )


def _begin(conn: Connection, repeat: Repeat, seconds: float) -> Turn | bytes | None:
    now = now_us()
    turn = Turn(repeat, new_id("own"))
    row = {
        "caller": repeat.caller,
        "key": repeat.key,
        "body_hash": repeat.body_hash,
        "owner": turn.owner,
        "ends_by": now + int(seconds * MICROSECONDS),
        "answer": None,
        "created_at": now,
    }
    if changed(conn.execute(insert_new(conn, kept_answers), row)) == 1:
        return turn
    same = and_(_c.caller == repeat.caller, _c.key == repeat.key)
    before = conn.execute(select(kept_answers).where(same).with_for_update()).one_or_none()
    if before is None:  # given up just now
        return _begin(conn, repeat, seconds)
    over = before.ends_by if before.answer is None else before.created_at + KEEP_SECONDS * MICROSECONDS
    if over < now:  # its process has died, or it is too old
        conn.execute(update(kept_answers).where(same).values(row))
        return turn
    if before.body_hash != repeat.body_hash:
        raise Conflict(
            "This idempotency key was used with a different request.",
            hint="Use a new key for a new request; repeat a request unchanged to get its first answer.",
        )
    return before.answer


def _own(turn: Turn) -> ColumnElement[bool]:
    return and_(_c.caller == turn.repeat.caller, _c.key == turn.repeat.key, _c.owner == turn.owner)
