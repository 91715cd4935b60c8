"""Who gives right answers, by what is known for sure: labelled answers and the scores of users.

Both are in the store of the track record: `labels/NAME` holds what a calibration was given, `score/SESSION/TURN`
what a user's score says about each member of that panel.
"""

import asyncio
from collections import defaultdict

from msgspec import Struct
from sqlalchemy import Connection, select

from quorum_mcp import codec
from quorum_mcp.store.database import Database
from quorum_mcp.store.tables import calibrations, runs

SCORE = "score/"


class _Labels(Struct, frozen=True):
    """Of a stored question, what is needed here: was each member right (None: nobody knows)."""

    correct: dict[str, bool | None]


class Record(Struct):
    """How often a model was right, of the answers that were judged."""

    right: int = 0
    judged: int = 0

    @property
    def share(self) -> float:
        """0 to 1; there must be a judged answer."""
        return self.right / self.judged


async def quality(database: Database, tenant: str | None, since: int | None) -> dict[str, Record]:
    """The record of each `provider/model`.

    Args:
        database: where labels and scores are.
        tenant: only scores of this tenant's sessions; None: everybody's, and the operator's labelled answers.
        since: only what was stored since (microseconds since 1970).
    """
    statement = select(calibrations.c.panel, calibrations.c.data)
    if since is not None:
        statement = statement.where(calibrations.c.created_at >= since)
    if tenant is not None:
        statement = statement.where(calibrations.c.panel.startswith(SCORE, autoescape=True))

    def body(conn: Connection) -> list[str]:
        found = [(str(source), str(data)) for source, data in conn.execute(statement)]
        if tenant is None:
            return [data for _, data in found]
        theirs = set(conn.execute(select(runs.c.id).where(runs.c.tenant == tenant)).scalars())
        return [data for source, data in found if source.split("/")[1] in theirs]

    # There may be many thousand labels: read in a thread, so that nobody waits for that.
    return await asyncio.to_thread(_count, await database.read(body))


def _count(stored: list[str]) -> dict[str, Record]:
    records: defaultdict[str, Record] = defaultdict(Record)
    for data in stored:
        for question in codec.decode(data, list[_Labels]):
            for member, right in question.correct.items():
                if right is not None:
                    records[member].judged += 1
                    records[member].right += right
    return dict(records)
