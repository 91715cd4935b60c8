"""Answers in this process: bounded in number and size, the one that was used longest ago goes first."""

import time
from collections import OrderedDict
from collections.abc import Callable

from quorum_mcp.calls.cache.backend import Match, Stored

OVERHEAD = 300
"""Bytes that an entry takes besides its key and value, about."""
LARGEST_SHARE = 8
"""An answer that would take more than an eighth of the room is not kept: it would drive out all others."""


class Memory:
    """At most `entries` values of `size` bytes together, for `seconds` each; `used` is how many bytes it holds."""

    name = "memory"

    def __init__(self, seconds: float, entries: int, size: int) -> None:
        self._seconds = seconds
        self._most = entries
        self._room = size
        self.used = 0
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """The value, unless it is absent or too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] <= time.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found[1]

    def put(self, key: str, value: bytes, done: Callable[[], None]) -> None:
        """Keep a value."""
        kept, size = self._kept, _size(key, value)
        if key in kept:
            self._drop(key)
        if size <= self._room // LARGEST_SHARE:
            kept[key] = (time.monotonic() + self._seconds, value)
            self.used += size
            while len(kept) > self._most or self.used > self._room:
                oldest, (_, dropped) = kept.popitem(last=False)
                self.used -= _size(oldest, dropped)
        done()

    async def remove(self, prefix: str, match: Match) -> int:
        """Forget values; how many there were."""
        self._forget_old()
        found = [key for key in self._kept if key.startswith(prefix) and match(key)]
        for key in found:
            self._drop(key)
        return len(found)

    async def stored(self, prefix: str) -> Stored:
        """Entries and bytes."""
        self._forget_old()
        sizes = [_size(key, value) for key, (_, value) in self._kept.items() if key.startswith(prefix)]
        return Stored(len(sizes), sum(sizes))

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.used = 0

    def _forget_old(self) -> None:
        now = time.monotonic()
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        self.used -= _size(key, self._kept.pop(key)[1])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD
