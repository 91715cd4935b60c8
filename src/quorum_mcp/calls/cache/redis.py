"""Answers in Redis, shared by all processes. While Redis is away nothing is found, nothing kept, nobody waits."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from quorum_mcp.calls.cache.backend import Match, Stored
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.shared_state import SharedState

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST_WRITES = 200
"""Values on their way to Redis at once; one more is not kept."""
PAGE = 500


class Shared:
    """Values under `cache:` in the shared state, for `seconds` each; their room is Redis's own `maxmemory`."""

    name = "redis"

    def __init__(self, state: SharedState, seconds: float) -> None:
        self._state = state
        self._milliseconds = max(1, int(seconds * 1000))
        self._root = state.key("cache", "")
        self._writes: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> bytes | None:
        """The value, unless it is absent, too old, or Redis is away."""
        if not self._state.up:
            return None
        try:
            found = await self._state.run(lambda client: client.get(self._root + key))
        except StoreUnavailable:
            return None
        return cast("bytes | None", found)  # nothing is decoded on the way

    def put(self, key: str, value: bytes, done: Callable[[], None]) -> None:
        """Keep a value, in the background."""
        if not self._state.up or len(self._writes) >= MOST_WRITES:
            done()
            return
        task = asyncio.create_task(self._set(key, value), name="cache write")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        task.add_done_callback(lambda _: done())

    async def remove(self, prefix: str, match: Match) -> int:
        """Forget values; how many there were."""
        removed = 0
        async for keys in self._pages(prefix):
            wanted = [key for key in keys if match(key.decode()[len(self._root) :])]
            if wanted:
                removed += await self._state.run(lambda client, wanted=wanted: client.unlink(*wanted))
        return removed

    async def stored(self, prefix: str) -> Stored:
        """Entries, unless Redis is away; their bytes are Redis's own business."""
        try:
            return Stored(sum([len(keys) async for keys in self._pages(prefix)]), None)
        except StoreUnavailable:
            return Stored(None, None)

    async def close(self) -> None:
        """Wait for the writes that are under way."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _set(self, key: str, value: bytes) -> None:
        with suppress(StoreUnavailable):
            await self._state.run(lambda client: client.set(self._root + key, value, px=self._milliseconds))

    async def _pages(self, prefix: str) -> AsyncIterator[list[bytes]]:
        """The keys that begin with `prefix`, some at a time. Raises `StoreUnavailable`."""
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self._root + prefix) + "*"
        cursor, seen = 0, set[bytes]()

        async def page(client: "Redis", at: int) -> tuple[int, list[bytes]]:
            return cast("tuple[int, list[bytes]]", await client.scan(at, match=pattern, count=PAGE))

        while True:
            cursor, found = await self._state.run(lambda client, at=cursor: page(client, at))
            keys = [key for key in dict.fromkeys(found) if key not in seen]  # a scan may repeat itself
            seen.update(keys)
            yield keys
            if not cursor:
                return
