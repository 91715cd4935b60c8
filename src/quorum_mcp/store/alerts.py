"""Alerts: what somebody should know without having asked. Stored once, with a message for each webhook.

An alert is written in the transaction of what it is about, so that neither is there without the other.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, RowMapping, Select, insert, or_, select

from quorum_mcp import codec
from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.events import AlertKind, EventType, stamp
from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.control_tables import alerts
from quorum_mcp.store.database import Database
from quorum_mcp.store.deliveries import enqueue, webhook_id


class Alert(Struct, frozen=True, kw_only=True):
    """One alert.

    Attributes:
        subject: what it is about, such as a budget's id or a provider's name; with `kind` it tells repeats.
        message: one sentence for people.
        tenant: whose it is; None: of the whole installation.
        data: figures for programs, plain values.
        at: microseconds since 1970.
    """

    kind: AlertKind
    subject: str
    message: str
    tenant: str | None = None
    provider: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    at: int = field(default_factory=now_us)
    id: str = field(default_factory=lambda: new_id("alr"))

    @property
    def event(self) -> EventType:
        """The type of event that it is told as."""
        return "budget.alert" if self.kind.startswith("budget") else "provider.status"

    def seen_by(self, tenant: str | None) -> bool:
        """Whether this tenant may see it; None is the operator. The same rule as `Alerts` has."""
        return tenant in (None, self.tenant) or (self.tenant is None and self.event != "budget.alert")

    def told(self) -> dict[str, Any]:
        """The `data` of its event, on every surface."""
        own = {"kind": self.kind, "subject": self.subject, "provider": self.provider, "message": self.message}
        return {"id": self.id, **self.data, **own}


class Outbox:
    """Stores alerts, and what is to be sent of them.

    Args:
        webhooks: where alerts are sent.
    """

    def __init__(self, webhooks: Sequence[WebhookSettings] = ()) -> None:
        self._webhooks = [(webhook_id(one.url), one.events) for one in webhooks]

    def put(self, conn: Connection, alert: Alert) -> None:
        """Store an alert, in a transaction that may do other things too."""
        row = {name: getattr(alert, name) for name in alert.__struct_fields__}
        conn.execute(insert(alerts), row | {"data": codec.encode_text(alert.data)})
        wanted = [webhook for webhook, events in self._webhooks if _wants(events, alert)]
        enqueue(conn, alert.event, _body(alert), wanted)

    def put_once(
        self, conn: Connection, alert: Alert, *, seconds: float, group: Sequence[AlertKind] = ()
    ) -> bool:
        """As `put`, unless the same is the last that was said of its subject within `seconds`; whether it was stored.

        `group` names the kinds that take one another's place, such as down and recovered; absent: its own alone.
        Two processes may still store one each, where neither sees the other's transaction.
        """
        last = select(alerts.c.kind).where(
            alerts.c.kind.in_(group or (alert.kind,)),
            alerts.c.subject == alert.subject,
            alerts.c.at > alert.at - round(seconds * MICROSECONDS),
        )
        if conn.execute(last.order_by(alerts.c.at.desc()).limit(1)).scalar() == alert.kind:
            return False
        self.put(conn, alert)
        return True


class Alerts:
    """Reads alerts. A tenant sees its own, and those of providers; None, the operator, sees all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(
        self,
        *,
        tenant: str | None = None,
        kinds: Sequence[AlertKind] = (),
        limit: int = 100,
    ) -> list[Alert]:
        """The newest alerts, newest first; only of some `kinds` where any are named."""
        statement = _seen_by(tenant).order_by(alerts.c.at.desc(), alerts.c.id.desc()).limit(limit)
        if kinds:
            statement = statement.where(alerts.c.kind.in_(kinds))
        return await self._find(statement)

    async def after(self, at: int, *, tenant: str | None = None, limit: int = 1000) -> list[Alert]:
        """Alerts of after `at` (microseconds since 1970), oldest first.

        Whoever looks again and again must look back a little, and know what it has seen: a transaction that
        took long stores an alert of a moment ago, and clocks of several machines differ.
        """
        statement = _seen_by(tenant).where(alerts.c.at > at)
        return await self._find(statement.order_by(alerts.c.at, alerts.c.id).limit(limit))

    async def _find(self, statement: Select[Any]) -> list[Alert]:
        def body(conn: Connection) -> list[Alert]:
            return [_alert(row) for row in conn.execute(statement).mappings()]

        return await self._database.read(body)


def _seen_by(tenant: str | None) -> Select[Any]:
    statement = select(alerts)
    if tenant is None:
        return statement
    # A budget of nobody's own counts what everybody spends.
    common = alerts.c.tenant.is_(None) & ~alerts.c.kind.startswith("budget")
    return statement.where(or_(alerts.c.tenant == tenant, common))


def _alert(row: RowMapping) -> Alert:
    return Alert(**{**row, "data": codec.decode(row["data"])})


def _wants(events: Sequence[str], alert: Alert) -> bool:
    return not events or alert.event in events or alert.kind in events


def _body(alert: Alert) -> str:
    """The message to a webhook: the same for each, and each time it is tried."""
    told = alert.told() | {"tenant": alert.tenant}
    at = stamp(alert.at / MICROSECONDS)
    return codec.encode_text({"id": alert.id, "type": alert.event, "at": at, "data": told})
