"""Alerts as they come, whichever process stored them, for those who watch."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator

from quorum_mcp.observe.repeating import Repeating
from quorum_mcp.store.alerts import Alert, Alerts
from quorum_mcp.store.clock import MICROSECONDS, now_us

LOOK_SECONDS = 1.0
OVERLAP_SECONDS = 30
"""How far back each look goes: clocks of machines differ, and a transaction may take a while."""
MOST_WAITING = 100
"""Alerts that wait for a slow reader; older ones are dropped for newer."""


class _Reader:
    """One who watches. `tenant` None is the operator, who sees all."""

    def __init__(self, tenant: str | None) -> None:
        self.tenant = tenant
        self.waiting: asyncio.Queue[Alert] = asyncio.Queue(MOST_WAITING)

    def offer(self, alert: Alert) -> None:
        if not alert.seen_by(self.tenant):
            return
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(alert)


class Feed:
    """Looks at the table about once a second while anybody watches, and not at all else."""

    def __init__(self, alerts: Alerts, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._alerts = alerts
        self._readers: set[_Reader] = set()
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._looked = False
        self._work = Repeating("notify: feed", self._look, look_seconds)

    async def follow(self, tenant: str | None) -> AsyncGenerator[Alert, None]:
        """Alerts that are stored from now on; those of a tenant, or all (None)."""
        reader = _Reader(tenant)
        self._readers.add(reader)
        self._work.start()
        try:
            while True:
                yield await reader.waiting.get()
        finally:
            self._readers.discard(reader)
            if not self._readers:
                await self.stop()

    async def stop(self) -> None:
        """Look no more."""
        self._looked = False
        await self._work.stop()

    async def _look(self) -> None:
        # What the first look finds of before is old; of the same moment it may be news.
        after = 0 if self._looked else now_us()
        for alert in await self._new():
            if alert.at >= after:
                for reader in list(self._readers):
                    reader.offer(alert)
        self._looked = True

    async def _new(self) -> list[Alert]:
        since = now_us() - OVERLAP_SECONDS * MICROSECONDS
        found = [alert for alert in await self._alerts.after(since) if alert.id not in self._seen]
        self._seen.update((alert.id, alert.at) for alert in found)
        while self._seen and next(iter(self._seen.values())) < since - OVERLAP_SECONDS * MICROSECONDS:
            self._seen.popitem(last=False)
        return found
