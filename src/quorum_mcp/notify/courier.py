"""Sends what waits for webhooks, from any process of this database: each message by one of them at a time."""

import asyncio
import random
from collections.abc import Sequence

import structlog

from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.notify.sender import TIMEOUT_SECONDS, Sender
from quorum_mcp.observe.repeating import Repeating
from quorum_mcp.store.deliveries import Deliveries, Delivery, webhook_id

LOOK_SECONDS = 1.0
LEASE_SECONDS = 6 * TIMEOUT_SECONDS
"""How long a message belongs to the process that took it; if it dies, the next one sends it after that."""
TRIES = 12
FIRST_SECONDS = 15.0
"""The wait after the first try; it doubles up to `MOST_SECONDS`. Twelve tries take about five hours."""
MOST_SECONDS = 3600.0

log = structlog.get_logger()


class Courier:
    """Looks for messages that are due, and sends them.

    Args:
        webhooks: where to; messages to others are left to whoever knows them.
        first_seconds: the wait after the first try.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        webhooks: Sequence[WebhookSettings],
        sender: Sender,
        *,
        first_seconds: float = FIRST_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._deliveries = deliveries
        self._webhooks = {webhook_id(one.url): one for one in webhooks}
        self._sender = sender
        self._first = first_seconds
        self._work = Repeating("notify: courier", self._send_all, look_seconds)

    def start(self) -> None:
        """Begin, where there is any webhook."""
        if self._webhooks:
            self._work.start()

    async def stop(self) -> None:
        """End. A message that is being sent may be sent again by the next process."""
        await self._work.stop()

    async def send_due(self) -> int:
        """Send what is due now; returns how many messages that was."""
        names = list(self._webhooks)
        if not await self._deliveries.waiting(names):
            return 0
        mine = await self._deliveries.claim(names, seconds=LEASE_SECONDS)
        await asyncio.gather(*(self._send(delivery) for delivery in mine))
        return len(mine)

    async def _send_all(self) -> None:
        while await self.send_due():
            pass

    async def _send(self, delivery: Delivery) -> None:
        outcome = await self._sender.send(self._webhooks[delivery.webhook], delivery)
        if outcome.error is None:
            await self._deliveries.delivered(delivery, outcome.status or 0)
            return
        again = None
        if delivery.tries < TRIES and not outcome.final:
            again = max(self._wait(delivery.tries), min(outcome.wait, MOST_SECONDS))
        else:
            log.warning(
                "webhooks.gave_up", webhook=delivery.webhook, delivery=delivery.id, error=outcome.error
            )
        await self._deliveries.failed(delivery, outcome.error, status=outcome.status, again=again)

    def _wait(self, tries: int) -> float:
        wait = min(self._first * 2 ** (tries - 1), MOST_SECONDS)
        return wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
