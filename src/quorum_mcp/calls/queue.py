"""How many calls a provider gets at once: a bounded wait for one of its places."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import DeadlineExceeded, QueueFull

WAITING_PER_PLACE = 100


class Queue:
    """One provider's places, in this process; waiters are served in the order they came."""

    def __init__(self, provider: str, places: int) -> None:
        self.provider = provider
        self.places = places
        self.waiting = 0
        self._slots = asyncio.Semaphore(places)

    @asynccontextmanager
    async def slot(self, call: Call) -> AsyncGenerator[None, None]:
        """Hold a place. Raises `QueueFull` at once when too many wait, `DeadlineExceeded` at the call's deadline."""
        if self._slots.locked():
            if self.waiting >= self.places * WAITING_PER_PLACE:
                raise QueueFull(
                    f"{self.waiting} calls already wait for {self.provider}",
                    hint="try again later, or raise limits.concurrency of the provider",
                    provider=self.provider,
                    retry_after=1.0,
                )
            await self._wait(call.remaining())
        else:
            await self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    async def _wait(self, seconds: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise DeadlineExceeded(
                f"no place for a call to {self.provider} came free in {seconds:.1f} s",
                hint="allow more time, or raise limits.concurrency of the provider",
                provider=self.provider,
            ) from None
        finally:
            self.waiting -= 1


class Queues:
    """The queues of all providers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queues: dict[str, Queue] = {}

    def of(self, provider: str) -> Queue:
        """The provider's queue."""
        if provider not in self._queues:
            entry = self._settings.providers.get(provider)
            places = entry.limits.concurrency if entry else None
            self._queues[provider] = Queue(provider, places or self._settings.max_concurrent_requests)
        return self._queues[provider]
