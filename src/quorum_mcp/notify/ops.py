"""Alerts and webhooks, as their operator sees them. Webhooks themselves are set in quorum.yaml."""

import asyncio
import time
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import codec
from quorum_mcp.access.ops.common import is_operator, require_operator, time_of
from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.errors import NotFound
from quorum_mcp.events import AlertKind, stamp
from quorum_mcp.ids import new_id
from quorum_mcp.notify.notifier import Notifier
from quorum_mcp.notify.sender import TIMEOUT_SECONDS
from quorum_mcp.operations.card import Effect, Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.paging import Cursor, Limit, Next
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.deliveries import Delivery, webhook_id

TEST_EVENT = "webhook.test"


class WebhookView(BaseModel):
    """One webhook. Neither its secret nor the path of its address is shown: either may let others in."""

    id: str = Field(description="Made of its address.")
    host: str = Field(description="Where it is: scheme, host and port of its address.")
    events: list[str] = Field(description="The events it is sent; empty: all.")
    signed: bool = Field(description="Whether messages to it are signed.")
    allow_private: bool = Field(description="Whether it may be on this machine or a private network.")


class Webhooks(BaseModel):
    """The webhooks of quorum.yaml."""

    webhooks: list[WebhookView] = Field(description="Each webhook.")


async def list_webhooks(ctx: Context, _: Empty) -> Webhooks:
    """The webhooks."""
    require_operator(ctx.principal, "see webhooks: they are told of everybody's alerts")
    return Webhooks(webhooks=[_webhook(one) for one in ctx.get(Notifier).webhooks])


class DeliveryQuery(BaseModel):
    """Which messages to list."""

    model_config = ConfigDict(extra="forbid")
    webhook: str | None = Field(None, description="Only those to this webhook.")
    limit: Limit = 50
    cursor: Cursor = None


class DeliveryView(BaseModel):
    """One message to one webhook."""

    id: str = Field(description="The delivery's id, in the header `X-Quorum-Delivery`.")
    webhook: str = Field(description="The webhook's id.")
    event: str = Field(description="The event it tells of.")
    status: Literal["pending", "delivered", "given_up"] = Field(description="How far it is.")
    tries: int = Field(description="How often it was sent.")
    next_at: str | None = Field(description="When it is sent next; null: never again.")
    delivered_at: str | None = Field(description="When it was taken.")
    http_status: int | None = Field(description="The last answer's status.")
    error: str | None = Field(description="What was wrong the last time.")
    created_at: str = Field(description="When it was written.")


class DeliveryPage(BaseModel):
    """Messages, newest first, and the cursor of the next page."""

    deliveries: list[DeliveryView] = Field(description="Newest first.")
    next: Next


async def list_deliveries(ctx: Context, given: DeliveryQuery) -> DeliveryPage:
    """Messages to webhooks: delivered, on their way, given up."""
    require_operator(ctx.principal, "see webhooks: they are told of everybody's alerts")
    page = await ctx.get(Notifier).deliveries.page(
        webhook=given.webhook, limit=given.limit, cursor=given.cursor
    )
    return DeliveryPage(deliveries=[_delivery(one) for one in page.items], next=page.next)


class WebhookId(BaseModel):
    """A webhook."""

    model_config = ConfigDict(extra="forbid")
    webhook_id: str = Field(description="The webhook's id.")


async def send_test(ctx: Context, given: WebhookId) -> DeliveryView:
    """Send a webhook a message of the type `webhook.test` now, and say how that went."""
    require_operator(ctx.principal, "test webhooks")
    notifier = ctx.get(Notifier)
    if given.webhook_id not in {webhook_id(one.url) for one in notifier.webhooks}:
        raise NotFound(f"there is no webhook {given.webhook_id}", hint="GET /api/webhooks lists them")
    data = {"message": "a test, asked for by hand"}
    body = {"id": new_id("tst"), "type": TEST_EVENT, "at": stamp(now_us() / MICROSECONDS), "data": data}
    sent = await notifier.deliveries.send(TEST_EVENT, codec.encode_text(body), given.webhook_id)
    until = time.monotonic() + TIMEOUT_SECONDS + 2
    while True:
        await notifier.courier.send_due()
        found = await notifier.deliveries.get(sent)
        assert found is not None
        tried = found.delivered_at is not None or found.error is not None
        if tried or time.monotonic() > until:
            return _delivery(found)
        await asyncio.sleep(0.1)  # another process has it


class AlertQuery(BaseModel):
    """Which alerts to list."""

    model_config = ConfigDict(extra="forbid")
    kind: AlertKind | None = Field(None, description="Only alerts of this kind.")
    limit: Limit = 50


class AlertView(BaseModel):
    """One alert."""

    id: str = Field(description="The alert's id.")
    at: str = Field(description="When.")
    kind: AlertKind = Field(description="What it is about.")
    provider: str | None = Field(description="The provider, where it is about one.")
    subject: str = Field(description="The provider, model or budget it is about.")
    message: str = Field(description="One sentence.")
    data: dict[str, Any] = Field(description="Its figures.")


class AlertList(BaseModel):
    """Alerts, newest first."""

    alerts: list[AlertView] = Field(description="Newest first.")


async def list_alerts(ctx: Context, given: AlertQuery) -> AlertList:
    """The last alerts: budgets that run out, providers that fail."""
    tenant = None if is_operator(ctx.principal) else ctx.principal.tenant
    kinds = () if given.kind is None else (given.kind,)
    found = await ctx.get(Notifier).alerts.recent(tenant=tenant, kinds=kinds, limit=given.limit)
    return AlertList(
        alerts=[
            AlertView(
                id=one.id,
                at=stamp(one.at / MICROSECONDS),
                kind=one.kind,
                provider=one.provider,
                subject=one.subject,
                message=one.message,
                data=one.data,
            )
            for one in found
        ]
    )


def _webhook(one: WebhookSettings) -> WebhookView:
    parts = urlsplit(one.url)
    return WebhookView(
        id=webhook_id(one.url),
        host=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        events=list(one.events),
        signed=one.secret_env is not None,
        allow_private=one.allow_private,
    )


def _delivery(one: Delivery) -> DeliveryView:
    done = "given_up" if one.next_at is None else "pending"
    return DeliveryView(
        id=one.id,
        webhook=one.webhook,
        event=one.event,
        status="delivered" if one.delivered_at is not None else done,
        tries=one.tries,
        next_at=time_of(one.next_at),
        delivered_at=time_of(one.delivered_at),
        http_status=one.status,
        error=one.error,
        created_at=stamp(one.created_at / MICROSECONDS),
    )


ADMIN = frozenset({"admin"})
OPERATIONS = [
    Operation("alerts.list", "The last alerts: budgets that run out, providers that fail.", list_alerts, AlertQuery,
              AlertList, http=Http("GET", "/api/alerts")),
    Operation("webhooks.list", "The webhooks that alerts are sent to.", list_webhooks, Empty, Webhooks,
              scopes=ADMIN, http=Http("GET", "/api/webhooks")),
    Operation("webhooks.deliveries", "Messages to webhooks, and how they went.", list_deliveries, DeliveryQuery,
              DeliveryPage, scopes=ADMIN, http=Http("GET", "/api/webhooks/deliveries")),
    Operation("webhooks.test", "Send a webhook a test message now.", send_test, WebhookId, DeliveryView,
              Effect.WRITE, ADMIN, http=Http("POST", "/api/webhooks/{webhook_id}/test"), open_world=True),
]  # fmt: skip
