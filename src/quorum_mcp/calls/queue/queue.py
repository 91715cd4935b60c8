"""How many calls a provider gets at once: a bounded, fair wait for one of its places.

The places are this process's own. A free one is taken at once. Otherwise a call waits: those of a higher
priority go first, then those of the tenant that holds the fewest places, then the one that came first.
"""

import asyncio
import time
from types import TracebackType

from msgspec import Struct

from quorum_mcp.calls.call import Call
from quorum_mcp.calls.queue.line import Line, Waiter
from quorum_mcp.calls.queue.pace import Pace
from quorum_mcp.config.providers import limits_of
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import DeadlineExceeded, QueueFull

WAITING_PER_PLACE = 100
LONGEST_RETRY_AFTER = 300.0


class QueueState(Struct, frozen=True):
    """A queue now, and since the process began: calls that had to wait and the seconds they waited in all."""

    places: int
    taken: int
    waiting: int
    waited: int
    waited_seconds: float


class Queue:
    """One provider's places, and up to `bound` calls that wait for them (absent: 100 for each place).

    A tenant that has less than its equal part of the bound in the queue may wait even where others have
    filled it: with k tenants, at most the sum of max(1, bound / i) for i from 1 to k calls wait.
    """

    def __init__(self, provider: str, places: int, bound: int | None = None) -> None:
        self.provider = provider
        self.places = places
        self.bound = places * WAITING_PER_PLACE if bound is None else bound
        self._free = places
        self._line = Line()
        self._pace = Pace()
        self._waited = 0
        self._waited_seconds = 0.0

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return self._line.length

    def state(self) -> QueueState:
        """Places, waiters and waiting times."""
        taken = self.places - self._free
        return QueueState(self.places, taken, self.waiting, self._waited, self._waited_seconds)

    def slot(self, call: Call) -> "Slot":
        """A place for the call, to hold with `async with`; that gives the seconds that the call waited.

        Entering raises `QueueFull` at once where too many wait, or where calls end too slowly for a place
        to come free in time, and `DeadlineExceeded` at the call's deadline.
        """
        return Slot(self, call)

    def enter_at_once(self, call: Call) -> bool:
        """Take a place where one is free now."""
        if not self._free:
            return False
        self._free -= 1
        self._line.took(call.tenant)
        return True

    async def enter(self, call: Call) -> float:
        """Take a place, waiting for it; the seconds it took."""
        if self.enter_at_once(call):
            return 0.0
        self._refuse_in_vain(call)
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        waiter = Waiter(call.tenant, call.priority, loop.create_future())
        left = call.remaining()
        timer = loop.call_later(left, self._expire, waiter)
        self._line.join(waiter)
        try:
            granted = await waiter.place
        except BaseException:
            self._line.leave(waiter)
            if waiter.place.done() and not waiter.place.cancelled() and waiter.place.result():
                self._hand_on(call.tenant)  # the place came in the same moment as what ended the wait
            raise
        finally:
            timer.cancel()
        seconds = time.monotonic() - began
        self._waited += 1
        self._waited_seconds += seconds
        if not granted:
            raise DeadlineExceeded(
                f"no place for a call to {self.provider} came free in {left:.1f} s",
                hint="allow more time, or raise limits.concurrency of the provider",
                provider=self.provider,
            )
        return seconds

    def leave(self, call: Call, held: float) -> None:
        """Give a place back that was held for so many seconds."""
        self._pace.add(held)
        self._hand_on(call.tenant)

    def withdraw(self, call: Call) -> None:
        """Give a place back that was not used."""
        self._hand_on(call.tenant)

    def _hand_on(self, tenant: str) -> None:
        self._line.left(tenant)
        while (waiter := self._line.next()) is not None:
            if not waiter.place.done():
                self._line.took(waiter.tenant)
                waiter.place.set_result(True)
                return
        self._free += 1

    def _expire(self, waiter: Waiter) -> None:
        self._line.leave(waiter)
        if not waiter.place.done():
            waiter.place.set_result(False)

    def _refuse_in_vain(self, call: Call) -> None:
        """Refuse a call that has no room to wait in, or so many ahead of it that it would hardly be served in time."""
        line, own = self._line, self._line.waiting(call.tenant)
        if line.length >= self.bound:
            tenants = line.tenants + (own == 0)
            if not self.bound or own >= max(1, self.bound // tenants):
                half = self._pace.seconds(line.length / 2 / self.places)
                raise self._full(f"{line.length} calls already wait for {self.provider}", half or 1.0)
        mine, others = line.waiting(call.tenant, call.priority), line.tenants - (own > 0)
        ahead = min(line.length, mine + others * (mine + 1))
        expected = self._pace.seconds(ahead / self.places)
        if expected is not None and expected > 2 * call.remaining():
            raise self._full(
                f"calls that wait for {self.provider} take about {expected:.0f} s, longer than this one has",
                expected,
            )

    def _full(self, message: str, seconds: float) -> QueueFull:
        return QueueFull(
            message,
            hint="try again later, or raise limits.concurrency or limits.queue of the provider",
            provider=self.provider,
            retry_after=round(min(max(1.0, seconds), LONGEST_RETRY_AFTER), 1),
        )


class Slot:
    """One call's place, held for as long as the context is open."""

    __slots__ = ("_began", "_call", "_queue")

    def __init__(self, queue: Queue, call: Call) -> None:
        self._queue = queue
        self._call = call
        self._began = 0.0

    async def __aenter__(self) -> float:
        waited = await self._queue.enter(self._call)
        self._began = time.monotonic()
        return waited

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.leave(self._call, time.monotonic() - self._began)


class Queues:
    """The queues of all providers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queues: dict[str, Queue] = {}

    def of(self, endpoint: str) -> Queue:
        """The queue of a provider, or of one of its deployments."""
        queue = self._queues.get(endpoint)
        if queue is None:
            limits = limits_of(self._settings.providers, endpoint)
            places = limits.concurrency or self._settings.max_concurrent_requests
            queue = self._queues[endpoint] = Queue(endpoint, places, limits.queue)
        return queue

    def depths(self) -> dict[str, int]:
        """How many calls wait, by provider, of every provider that was called."""
        return {name: queue.waiting for name, queue in self._queues.items()}

    def states(self) -> dict[str, QueueState]:
        """Every queue's state, by provider."""
        return {name: queue.state() for name, queue in self._queues.items()}
