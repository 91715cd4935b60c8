"""Webhooks: signed, tried again, sent once, never to where they must not go."""

import asyncio
import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.hook import Hook, Received, hook
from tests.support.server import Server, config, serving
from tests.support.stores import Store
from tests.support.upstream import upstream

from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.notify import sender
from quorum_mcp.notify.courier import TRIES, Courier
from quorum_mcp.notify.sender import Sender
from quorum_mcp.store.alerts import Alert, Outbox
from quorum_mcp.store.database import Database
from quorum_mcp.store.deliveries import Deliveries, Delivery

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
SECRET = "canary-of-a-webhook-secret"
ENV = {"HOOK_KEY": SECRET}


def of(url: str, **more: Any) -> WebhookSettings:
    defaults: dict[str, Any] = {"secret_env": "HOOK_KEY", "allow_private": True}
    return WebhookSettings(url=url, **defaults | more)


def verify(received: Received, secret: str = SECRET) -> bool:
    """As the documentation tells receivers to."""
    parts = dict(part.split("=", 1) for part in received.headers["x-quorum-signature"].split(","))
    expected = hmac.new(secret.encode(), f"{parts['t']}.{received.text}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


async def alert(database: Database, webhook: WebhookSettings, count: int = 1) -> None:
    outbox = Outbox([webhook])
    for n in range(count):
        one = Alert(kind="provider.down", subject=f"lab{n}", provider="lab", message="lab is down")
        await database.write(lambda conn, one=one: outbox.put(conn, one))


async def only(deliveries: Deliveries) -> Delivery:
    (found,) = (await deliveries.page()).items
    return found


async def taken(deliveries: Deliveries) -> Delivery:
    """The only message, once it was delivered."""
    while True:
        found = await only(deliveries)
        if found.delivered_at is not None:
            return found
        await asyncio.sleep(0.02)


async def test_a_message_is_signed_and_delivered_once(store: Store) -> None:
    async with store.opened() as database, hook() as receiver:
        webhook, deliveries = of(receiver.url), Deliveries(database)
        await alert(database, webhook)
        couriers = [Courier(deliveries, [webhook], Sender(ENV)) for _ in range(4)]
        await asyncio.gather(*(courier.send_due() for courier in couriers))
        (received,) = receiver.received
        found = await only(deliveries)
    assert verify(received)
    assert not verify(received, "another secret")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["x-quorum-event"] == received.body["type"] == "provider.status"
    assert received.headers["x-quorum-delivery"] == found.id
    assert received.body["data"]["message"] == "lab is down"
    assert (found.status, found.tries, found.next_at, found.error) == (200, 1, None, None)
    assert found.delivered_at is not None
    assert SECRET not in str(await store.rows("SELECT * FROM deliveries"))


async def test_a_receiver_that_fails_is_tried_again(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database, hook(500, 503, 204) as receiver:
        webhook = of(receiver.url)
        courier = Courier(Deliveries(database), [webhook], Sender(ENV), first_seconds=0.05, look_seconds=0.02)
        await alert(database, webhook)
        courier.start()
        await receiver.until(3)
        found = await taken(Deliveries(database))
        await courier.stop()
    assert (found.tries, found.status) == (3, 204)
    assert len({one.body["id"] for one in receiver.received}) == 1  # by which receivers know repeats
    assert all(verify(one) for one in receiver.received)


@pytest.mark.parametrize(
    ("answer", "said"), [(410, "HTTP 410"), (500, "HTTP 500"), (302, "redirects are not followed")]
)
async def test_giving_up_is_visible(sqlite_store: Store, answer: int, said: str) -> None:
    async with sqlite_store.opened() as database, hook(answer) as receiver:
        webhook, deliveries = of(receiver.url), Deliveries(database)
        courier = Courier(deliveries, [webhook], Sender(ENV), first_seconds=0.0)
        await alert(database, webhook)
        while await courier.send_due():
            pass
        found = await only(deliveries)
    assert (found.next_at, found.delivered_at, found.status) == (None, None, answer)
    assert said in (found.error or "")
    assert found.tries == len(receiver.received) == (1 if answer == 410 else TRIES)
    assert all(one.headers["host"] in receiver.url for one in receiver.received)


async def test_waits_grow_over_hours_and_the_receiver_may_ask_for_more(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database, hook(500) as receiver:
        webhook, deliveries = of(receiver.url), Deliveries(database)
        courier = Courier(deliveries, [webhook], Sender(ENV))
        await alert(database, webhook)
        waits: list[float] = []
        for _ in range(TRIES - 1):
            await courier.send_due()
            found = await only(deliveries)
            assert found.next_at is not None
            waits.append(found.next_at / 1e6 - time.time())
            await sqlite_store.execute("UPDATE deliveries SET next_at = 1")
    assert 10 < waits[0] < 20
    assert all(later > 1.2 * before for before, later in zip(waits[:6], waits[1:7], strict=True))
    assert max(waits) < 1.25 * 3600
    assert sum(waits) > 2 * 3600


async def test_a_hanging_receiver_and_one_that_is_not_there(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.2)
    async with sqlite_store.opened() as database, hook(0) as receiver:
        webhook = of(receiver.url)
        await alert(database, webhook)
        await Courier(Deliveries(database), [webhook], Sender(ENV)).send_due()
        assert "no answer within" in ((await only(Deliveries(database))).error or "")
        gone = of("http://127.0.0.1:1/in")
        outcome = await Sender(ENV).send(gone, await only(Deliveries(database)))
    assert "cannot connect" in (outcome.error or "")


async def test_nothing_goes_out_unsigned_where_a_signature_was_asked_for(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database, hook() as receiver:
        webhook = of(receiver.url)
        await alert(database, webhook)
        await Courier(Deliveries(database), [webhook], Sender({})).send_due()
        assert "HOOK_KEY is not set" in ((await only(Deliveries(database))).error or "")
        assert receiver.received == []


FORBIDDEN = [
    "127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",
    "[::]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "168.63.129.16", "224.0.0.1", "255.255.255.255",
    "rebinding.example", "internal.example",
]  # fmt: skip
NAMES = {
    "localhost": ["127.0.0.1"],
    "rebinding.example": ["93.184.216.34", "127.0.0.1"],
    "internal.example": ["::ffff:10.0.0.1"],
}


@pytest.mark.parametrize("host", FORBIDDEN)
async def test_private_addresses_are_refused(sqlite_store: Store, host: str) -> None:
    async def resolve(name: str, _: int) -> list[str]:
        return NAMES[name]

    async with sqlite_store.opened() as database, hook() as receiver:
        webhook = of(receiver.url.replace("127.0.0.1", host), allow_private=False)
        await alert(database, webhook)
        outcome = await Sender(ENV, resolve).send(webhook, await only(Deliveries(database)))
    assert "nothing is sent there" in (outcome.error or "")
    assert receiver.received == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "168.63.129.16"]
)
async def test_some_are_refused_always(sqlite_store: Store, host: str) -> None:
    async with sqlite_store.opened() as database:
        webhook = of(f"http://{host}/latest/meta-data")
        await alert(database, webhook)
        outcome = await Sender(ENV).send(webhook, await only(Deliveries(database)))
    assert "credentials" in (outcome.error or "")


async def test_the_address_that_was_checked_is_the_one_that_is_used(sqlite_store: Store) -> None:
    """A name that means a good address when it is checked, and another one when it is connected to."""
    asked: list[str] = []

    async def resolve(name: str, _: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    async with sqlite_store.opened() as database, hook() as receiver:
        webhook = of(receiver.url.replace("127.0.0.1", "hooks.invalid"))  # the system knows no such name
        await alert(database, webhook)
        outcome = await Sender(ENV, resolve).send(webhook, await only(Deliveries(database)))
    assert outcome.error is None
    assert asked == ["hooks.invalid"]
    assert receiver.received[0].headers["host"].startswith("hooks.invalid:")


def given(receiver: Hook, up: str) -> dict[str, Any]:
    webhooks = [
        {"url": f"{receiver.url}?token=canary-of-a-url", "secret_env": "HOOK_KEY", "allow_private": True},
        {"url": f"{receiver.url}/budgets", "events": ["budget.alert"], "allow_private": True},
    ]
    return config(up, webhooks=webhooks)


async def test_the_operator_sees_and_tests_webhooks(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        hook() as receiver,
        serving(tmp_path, given(receiver, up.url), HOOK_KEY=SECRET) as q,
    ):
        webhooks = (await q.get("/api/webhooks"))["webhooks"]
        assert [one["events"] for one in webhooks] == [[], ["budget.alert"]]
        assert [one["signed"] for one in webhooks] == [True, False]
        sent = await q.post(f"/api/webhooks/{webhooks[0]['id']}/test")
        assert (sent.status, sent["status"], sent["http_status"]) == (200, "delivered", 200)
        receiver.answers = [500]
        failed = await q.post(f"/api/webhooks/{webhooks[1]['id']}/test")
        assert (failed["status"], failed["http_status"], failed["error"]) == ("pending", 500, "HTTP 500")
        assert failed["next_at"] is not None
        listed = (await q.get("/api/webhooks/deliveries"))["deliveries"]
        assert [one["id"] for one in listed] == [failed["id"], sent["id"]]
        assert (await q.post("/api/webhooks/whk_unknown/test")).status == 404
        shown = str(webhooks) + str(listed) + str((await q.get("/api/settings")).body)
    assert [one.headers["x-quorum-event"] for one in receiver.received] == ["webhook.test"] * 2
    assert verify(receiver.received[0])
    assert "x-quorum-signature" not in receiver.received[1].headers
    assert not re.search("canary", shown)


async def test_messages_survive_a_restart(tmp_path: Path) -> None:
    async with hook(0) as receiver, upstream() as up:
        server = Server(tmp_path, given(receiver, up.url), HOOK_KEY=SECRET)
        await server.started()
        store = Store(tmp_path)
        async with store.opened() as database:
            await alert(database, of(f"{receiver.url}?token=canary-of-a-url"))
            await receiver.until(1, 5)
            server.kill()  # while it sends
            receiver.answers = [200]
            await store.execute("UPDATE deliveries SET next_at = 1")  # its lease is over
            await server.started()
            await receiver.until(2, 5)
            await taken(Deliveries(database))
        server.kill()
    assert receiver.received[0].text == receiver.received[1].text
    assert "canary" not in server.log()
