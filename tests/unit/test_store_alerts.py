"""Alerts and the messages to webhooks that go with them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.stores import Store

from quorum_mcp import codec
from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.events import AlertKind
from quorum_mcp.store.alerts import Alert, Alerts, Outbox
from quorum_mcp.store.deliveries import Deliveries, webhook_id

pytestmark = pytest.mark.anyio
ALL, BUDGETS, DOWN = (
    f"https://hooks.example/{name}?token=hunter2hunter2" for name in ("all", "budgets", "down")
)
SLOW = webhook_id(ALL)
OUTBOX = Outbox(
    [
        WebhookSettings(url=ALL),
        WebhookSettings(url=BUDGETS, events=("budget.alert",)),
        WebhookSettings(url=DOWN, events=("provider.down",)),
    ]
)


def alert(kind: AlertKind = "budget", subject: str = "daily", **more: Any) -> Alert:
    return Alert(kind=kind, subject=subject, message=f"{subject}: {kind}", **more)


async def test_an_alert_is_stored_with_a_message_for_each_webhook_that_wants_it(store: Store) -> None:
    async with store.opened() as database:
        spent = alert(data={"percentage": 80.0}, tenant="acme")
        for one in (spent, alert("provider.down", "lab"), alert("provider.slow", "lab")):
            await database.write(lambda conn, one=one: OUTBOX.put(conn, one))
        found = (await Deliveries(database).page()).items
    wanted = {ALL: 3, BUDGETS: 1, DOWN: 1}
    assert {url: sum(one.webhook == webhook_id(url) for one in found) for url in wanted} == wanted
    bodies = [codec.decode(one.body) for one in found if one.webhook == webhook_id(BUDGETS)]
    assert [(body["id"], body["type"]) for body in bodies] == [(spent.id, "budget.alert")]
    assert bodies[0]["data"]["percentage"] == 80.0
    assert bodies[0]["data"]["tenant"] == "acme"
    assert not any("hunter2" in str(row) for row in await store.rows("SELECT * FROM deliveries"))


async def test_an_alert_goes_with_the_transaction_that_it_is_about(store: Store) -> None:
    async with store.opened() as database:

        def body(conn: Connection) -> None:
            OUTBOX.put(conn, alert())
            raise LookupError

        with pytest.raises(LookupError):
            await database.write(body)
        assert await Alerts(database).recent() == []
        assert (await Deliveries(database).page()).items == []


async def test_a_tenant_sees_its_own_alerts_and_those_of_providers(store: Store) -> None:
    async with store.opened() as database:
        common, mine, others, all_ = (
            alert(),
            alert(tenant="acme"),
            alert(tenant="other"),
            alert("provider.down", "lab"),
        )
        for one in (common, mine, others, all_):
            await database.write(lambda conn, one=one: OUTBOX.put(conn, one))
        alerts = Alerts(database)
        assert await alerts.recent(tenant="acme") == [all_, mine]
        assert await alerts.recent() == [all_, others, mine, common]
        assert await alerts.recent(kinds=["provider.down"]) == [all_]
        assert await alerts.after(mine.at, tenant="acme") == [all_]


async def test_the_same_alert_is_not_repeated_within_a_while(store: Store) -> None:
    async with store.opened() as database:
        first = alert("provider.down", "lab")
        kept = [
            await database.write(lambda conn, one=one: OUTBOX.put_once(conn, one, seconds=60))
            for one in (
                first,
                alert("provider.down", "lab"),
                alert("provider.down", "other"),
                alert("provider.down", "lab", at=first.at + 61_000_000),
            )
        ]
    assert kept == [True, False, True, True]


async def test_a_message_is_claimed_by_one_only(store: Store) -> None:
    async with store.opened() as one, store.opened() as two:
        for _ in range(5):
            await one.write(lambda conn: OUTBOX.put(conn, alert("provider.slow", "lab")))
        boxes = [Deliveries(one), Deliveries(two)] * 4
        claimed = [
            d for found in await asyncio.gather(*(b.claim([SLOW], seconds=60) for b in boxes)) for d in found
        ]
        assert len({delivery.id for delivery in claimed}) == len(claimed) == 5
        assert not await boxes[0].waiting([SLOW])


async def test_what_is_not_reported_in_time_is_due_again(store: Store) -> None:
    async with store.opened() as database:
        deliveries = Deliveries(database)
        await deliveries.send("webhook.test", "{}", SLOW)
        (lost,) = await deliveries.claim([SLOW], seconds=0)
        (again,) = await deliveries.claim([SLOW], seconds=60)
        assert (lost.id, lost.tries, again.id, again.tries) == (again.id, 1, lost.id, 2)
        await deliveries.delivered(lost, 200)  # too late: somebody else has it
        assert (await deliveries.get(again.id)) == again
        await deliveries.failed(again, "HTTP 500", status=500, again=3600)
        assert not await deliveries.waiting([SLOW])
        later = await deliveries.get(again.id)
        assert later is not None
        assert later.next_at is not None
        assert later.next_at > later.created_at + 3_000_000_000
        assert (later.status, later.error, later.delivered_at) == (500, "HTTP 500", None)


async def test_how_a_message_ends(store: Store) -> None:
    async with store.opened() as database:
        deliveries = Deliveries(database)
        for _ in range(2):
            await deliveries.send("webhook.test", "{}", SLOW)
        good, bad = await deliveries.claim([SLOW], seconds=60)
        await deliveries.delivered(good, 204)
        await deliveries.failed(bad, "refused", again=None)
        page = await deliveries.page(webhook=SLOW, limit=1)
        rest = await deliveries.page(webhook=SLOW, cursor=page.next)
        ended = {one.id: one for one in page.items + rest.items}
        assert {one.next_at for one in ended.values()} == {None}
        assert ended[good.id].delivered_at is not None
        assert ended[bad.id].delivered_at is None
        assert ended[bad.id].error == "refused"
        assert (await deliveries.page(webhook="whk_2")).items == []
