"""Rates in this process's memory."""

import time
from collections.abc import Sequence
from typing import Protocol

from quorum_mcp.calls.limits.bucket import Bucket
from quorum_mcp.calls.limits.limit import Level, Limit

MOST = 50_000
"""Buckets that are kept; of more, those that are full again are forgotten."""


class Rates(Protocol):
    """Where the buckets are."""

    async def take(self, limits: Sequence[Limit], tokens: int, patience: float) -> tuple[Level, ...] | None:
        """Take one request and `tokens` of all limits, or of none of them: then what is left of each.

        `patience` is how many seconds the caller will wait for what is missing; meanwhile other processes leave
        it alone.
        """
        ...

    def enough(self, limits: Sequence[Limit], tokens: int) -> bool:
        """Whether one request and `tokens` are likely to be let in by all of them, as last known."""
        ...

    def leave(self, limits: Sequence[Limit]) -> None:
        """This process waits for none of them any more."""
        ...

    def add(self, limits: Sequence[Limit], requests: float, tokens: float) -> None:
        """Give back to all of them; below zero: take after the fact."""
        ...

    def lower(self, limit: Limit, level: Level) -> None:
        """Have no more left than `level`."""
        ...

    async def look(self, limits: Sequence[Limit]) -> tuple[Level, ...]:
        """What is left of each."""
        ...

    def last(self, limit: Limit) -> Level | None:
        """What was left when last known, and refilled since then; None where it was never asked."""
        ...

    async def close(self) -> None:
        """Write down what is still to be written."""
        ...


class MemoryRates:
    """Buckets by the names of their limits."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    async def take(
        self,
        limits: Sequence[Limit],
        tokens: int,
        patience: float = 0.0,  # noqa: ARG002 - as Rates has it
    ) -> tuple[Level, ...] | None:
        """As `Rates` says."""
        return self.take_now(limits, tokens)

    def enough(self, limits: Sequence[Limit], tokens: int) -> bool:
        """As `Rates` says."""
        now = time.monotonic()
        return all(self.bucket(limit).has(tokens, now) for limit in limits)

    def leave(self, limits: Sequence[Limit]) -> None:
        """There are no other processes."""

    def take_now(self, limits: Sequence[Limit], tokens: int) -> tuple[Level, ...] | None:
        """The same."""
        known, buckets = self._buckets, list[Bucket]()
        for limit in limits:
            bucket = known.get(limit.name)
            buckets.append(bucket if bucket is not None and bucket.limit is limit else self.bucket(limit))
        now = time.monotonic()
        for bucket in buckets:
            if not bucket.has(tokens, now):
                return tuple(each.level() for each in buckets)
        for bucket in buckets:
            bucket.take(tokens)
        return None

    def add(self, limits: Sequence[Limit], requests: float, tokens: float) -> None:
        """As `Rates` says."""
        for limit in limits:
            self.bucket(limit).add(requests, tokens)

    def lower(self, limit: Limit, level: Level) -> None:
        """As `Rates` says."""
        self.bucket(limit).lower(level)

    async def look(self, limits: Sequence[Limit]) -> tuple[Level, ...]:
        """As `Rates` says."""
        return tuple(self.bucket(limit).level() for limit in limits)

    def last(self, limit: Limit) -> Level | None:
        """As `Rates` says."""
        bucket = self._buckets.get(limit.name)
        return None if bucket is None else bucket.level()

    def bucket(self, limit: Limit, level: Level | None = None) -> Bucket:
        """The limit's bucket; a new one begins at `level`, else full."""
        bucket = self._buckets.get(limit.name)
        if bucket is None:
            if len(self._buckets) >= MOST:
                self._buckets = {name: b for name, b in self._buckets.items() if not _is_full(b)}
            bucket = self._buckets[limit.name] = Bucket(limit, level)
        elif bucket.limit is not limit and bucket.limit != limit:
            bucket.resize(limit)
        return bucket

    def buckets(self) -> list[Bucket]:
        """All of them."""
        return list(self._buckets.values())

    def clear(self) -> None:
        """Forget all of them."""
        self._buckets.clear()

    async def close(self) -> None:
        """Nothing is left to write."""


def _is_full(bucket: Bucket) -> bool:
    level = bucket.level()
    limit = bucket.limit
    return (
        not level.blocked and level.requests >= (limit.requests or 0) and level.tokens >= (limit.tokens or 0)
    )
