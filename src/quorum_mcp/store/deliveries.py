"""Messages to webhooks on their way: claimed by one process at a time, tried again later, or given up."""

import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, insert, select, update

from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import MICROSECONDS, DatabaseNow
from quorum_mcp.store.control_tables import deliveries
from quorum_mcp.store.database import Database
from quorum_mcp.store.page import Page, encode_cursor, paged


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one webhook.

    Attributes:
        tries: how often it was sent, the present time included.
        next_at: when it is tried next, None: never again; microseconds of the database's clock, as all times.
        status: the HTTP status of the last answer; `error` says what was wrong with it, or why there is none.
    """

    id: str
    webhook: str
    event: str
    body: str
    tries: int
    next_at: int | None
    delivered_at: int | None
    status: int | None
    error: str | None
    created_at: int


def webhook_id(url: str) -> str:
    """What a webhook is called wherever its address, which may hold a secret, must not be."""
    return "whk_" + hashlib.sha256(url.encode()).hexdigest()[:16]


def enqueue(conn: Connection, event: str, body: str, webhooks: Sequence[str]) -> list[str]:
    """Store a message for each of these webhooks, due at once; returns the ids of the deliveries."""
    ids: list[str] = []
    for webhook in webhooks:
        ids.append(new_id("dlv"))
        row = {"id": ids[-1], "webhook": webhook, "event": event, "body": body, "tries": 0}
        conn.execute(insert(deliveries).values(**row, next_at=DatabaseNow(), created_at=DatabaseNow()))
    return ids


class Deliveries:
    """The messages of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, event: str, body: str, webhook: str) -> str:
        """Store a message that no alert is behind; returns the delivery's id."""
        return (await self._database.write(lambda conn: enqueue(conn, event, body, [webhook])))[0]

    async def claim(self, webhooks: Sequence[str], *, seconds: float, limit: int = 10) -> list[Delivery]:
        """Messages to these webhooks that are due, each given to one caller only.

        Nobody else gets one within `seconds`; unless it is reported by then, it is due again. So the process
        that sends may die, and a message that was sent at that moment is sent twice.
        """
        due = (
            select(deliveries)
            .where(_due(webhooks))
            .order_by(deliveries.c.next_at, deliveries.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # on PostgreSQL, others take what is left
        )
        taken = deliveries.c.next_at
        lease = {"next_at": DatabaseNow() + round(seconds * MICROSECONDS), "tries": deliveries.c.tries + 1}

        def body(conn: Connection) -> list[Delivery]:
            found: list[Delivery] = []
            for row in conn.execute(due).mappings().all():
                mine = (deliveries.c.id == row["id"]) & (taken == row["next_at"])
                claimed = conn.execute(update(deliveries).where(mine).values(lease).returning(deliveries))
                found += [Delivery(**one) for one in claimed.mappings()]
            return found

        return await self._database.write(body)

    async def waiting(self, webhooks: Sequence[str]) -> bool:
        """Whether a message to one of these webhooks is due; cheaper than to claim none."""
        due = select(deliveries.c.id).where(_due(webhooks)).limit(1)
        return await self._database.read(lambda conn: conn.execute(due).first() is not None)

    async def delivered(self, delivery: Delivery, status: int) -> None:
        """The webhook took it."""
        done = {"next_at": None, "delivered_at": DatabaseNow(), "status": status, "error": None}
        await self._report(delivery, done)

    async def failed(
        self, delivery: Delivery, error: str, *, status: int | None = None, again: float | None
    ) -> None:
        """It was not taken; it is due `again` seconds from now, or (None) given up."""
        next_at = None if again is None else DatabaseNow() + round(again * MICROSECONDS)
        await self._report(delivery, {"next_at": next_at, "status": status, "error": error})

    async def page(
        self, *, webhook: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Delivery]:
        """A page of messages, newest first.

        Raises:
            InvalidInput: a cursor that is not ours, or a limit outside 1 to 500.
        """
        statement = select(deliveries)
        if webhook is not None:
            statement = statement.where(deliveries.c.webhook == webhook)
        statement = paged(statement, deliveries.c.created_at, deliveries.c.id, limit=limit, cursor=cursor)

        def body(conn: Connection) -> list[Delivery]:
            return [Delivery(**row) for row in conn.execute(statement).mappings()]

        found = await self._database.read(body)
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], last and encode_cursor(last.created_at, last.id))

    async def get(self, delivery_id: str) -> Delivery | None:
        """One message."""
        statement = select(deliveries).where(deliveries.c.id == delivery_id)

        def body(conn: Connection) -> Delivery | None:
            row = conn.execute(statement).mappings().first()
            return None if row is None else Delivery(**row)

        return await self._database.read(body)

    async def _report(self, delivery: Delivery, values: Mapping[str, object]) -> None:
        """Write how a try ended, unless the claim ran out and somebody else tries by now."""
        mine = (deliveries.c.id == delivery.id) & (deliveries.c.tries == delivery.tries)
        statement = update(deliveries).where(mine).values(**values)
        await self._database.write(lambda conn: conn.execute(statement).close())


def _due(webhooks: Sequence[str]) -> ColumnElement[bool]:
    return (deliveries.c.next_at <= DatabaseNow()) & deliveries.c.webhook.in_(webhooks)
