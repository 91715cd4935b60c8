"""Who is next: a higher priority first, then the tenant that has the fewest places, then who came first."""

import asyncio
import heapq
from collections import OrderedDict
from itertools import count

LEAST_COMPACTED = 64


class Waiter:
    """A call that waits. `place` becomes True with a place, False when its time is over."""

    __slots__ = ("place", "priority", "tenant")

    def __init__(self, tenant: str, priority: int, place: asyncio.Future[bool]) -> None:
        self.tenant = tenant
        self.priority = priority
        self.place = place


class _Group:
    """The waiters of one tenant and priority, in the order they came; `turn` is when it was last served."""

    __slots__ = ("entry", "priority", "tenant", "turn", "waiters")

    def __init__(self, tenant: str, priority: int, turn: int) -> None:
        self.tenant = tenant
        self.priority = priority
        self.turn = turn
        self.entry = 0
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()


class Line:
    """Waiters for the places of one provider, and how many places each tenant has.

    Every step is O(log n): a group has one valid entry in the heap, the newest; older ones are skipped when
    they come up, and swept out when they are the most.
    """

    def __init__(self) -> None:
        self.length = 0
        self._groups: dict[str, dict[int, _Group]] = {}
        self._open = 0  # groups
        self._heap: list[tuple[int, int, int, int, _Group]] = []
        self._places: dict[str, int] = {}
        self._numbers = count(1)

    @property
    def tenants(self) -> int:
        """How many tenants wait."""
        return len(self._groups)

    def waiting(self, tenant: str, priority: int | None = None) -> int:
        """How many of a tenant's calls wait; with a priority, only those that are not behind it."""
        groups = self._groups.get(tenant, {})
        return sum(len(g.waiters) for g in groups.values() if priority is None or g.priority >= priority)

    def join(self, waiter: Waiter) -> None:
        """Begin to wait."""
        groups = self._groups.setdefault(waiter.tenant, {})
        group = groups.get(waiter.priority)
        if group is None:
            group = groups[waiter.priority] = _Group(waiter.tenant, waiter.priority, next(self._numbers))
            self._open += 1
            self._enter(group)
        group.waiters[waiter] = None
        self.length += 1

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer; nothing happens where it does not wait (any more)."""
        group = self._groups.get(waiter.tenant, {}).get(waiter.priority)
        if group is None or waiter not in group.waiters:
            return
        del group.waiters[waiter]
        self.length -= 1
        if not group.waiters:
            self._drop(group)

    def next(self) -> Waiter | None:
        """The waiter whose turn it is, who waits no longer; None where nobody does."""
        while self._heap:
            *_, number, group = heapq.heappop(self._heap)
            if number != group.entry:
                continue
            waiter, _ = group.waiters.popitem(last=False)
            self.length -= 1
            group.turn = next(self._numbers)
            if group.waiters:
                self._enter(group)
            else:
                self._drop(group)
            return waiter
        return None

    def took(self, tenant: str) -> None:
        """A call of the tenant has got a place."""
        self._places[tenant] = self._places.get(tenant, 0) + 1
        self._moved(tenant)

    def left(self, tenant: str) -> None:
        """A call of the tenant has given its place back."""
        places = self._places[tenant] - 1
        if places:
            self._places[tenant] = places
        else:
            del self._places[tenant]
        self._moved(tenant)

    def _moved(self, tenant: str) -> None:
        for group in self._groups.get(tenant, {}).values():
            self._enter(group)

    def _enter(self, group: _Group) -> None:
        group.entry = next(self._numbers)
        entry = (-group.priority, self._places.get(group.tenant, 0), group.turn, group.entry, group)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > LEAST_COMPACTED + 2 * self._open:
            self._heap = [entry for entry in self._heap if entry[3] == entry[4].entry]
            heapq.heapify(self._heap)

    def _drop(self, group: _Group) -> None:
        group.entry = 0  # no entry of the heap is valid any more
        self._open -= 1
        groups = self._groups[group.tenant]
        del groups[group.priority]
        if not groups:
            del self._groups[group.tenant]
