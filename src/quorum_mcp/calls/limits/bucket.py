"""Two token buckets, requests and tokens, in this process's memory."""

import time
from math import inf

from quorum_mcp.calls.limits.limit import Level, Limit

UNLIMITED = 1e15
"""Stands for no limit: large enough never to run out, small enough to count on."""
DUST = 1e-9
"""What sums of fractions may be off by."""


class Bucket:
    """One limit's two buckets, which refill steadily. The clock is monotonic: no wall clock is asked."""

    __slots__ = ("_at", "_blocked", "_requests", "_requests_size", "_tokens", "_tokens_size", "limit")

    def __init__(self, limit: Limit, level: Level | None = None) -> None:
        """Full, unless `level` says what is in it."""
        self._blocked = 0.0
        self._requests = self._tokens = UNLIMITED
        self._at = time.monotonic()
        self.resize(limit)
        if level is not None:
            self._requests = min(level.requests, self._requests_size)
            self._tokens = min(level.tokens, self._tokens_size)

    def resize(self, limit: Limit) -> None:
        """Hold to another limit from now on; what was used stays used."""
        self.limit = limit
        self._requests_size = UNLIMITED if limit.requests is None else float(limit.requests)
        self._tokens_size = UNLIMITED if limit.tokens is None else float(limit.tokens)
        self._requests = min(self._requests, self._requests_size)
        self._tokens = min(self._tokens, self._tokens_size)

    def has(self, tokens: float, now: float) -> bool:
        """Whether a request with so many tokens may be taken `now`, on the monotonic clock."""
        passed, self._at = (now - self._at) / 60, now
        # Written out, not in `min`: this is the whole cost of a limit.
        size = self._requests_size
        level = self._requests + passed * size
        self._requests = level = level if level < size else size
        if level < 1.0 - DUST and level < size:
            return False
        size = self._tokens_size
        level = self._tokens + passed * size
        self._tokens = level = level if level < size else size
        return (level >= tokens - DUST or level >= size) and self._blocked <= now

    def take(self, tokens: float) -> None:
        """Take a request and its tokens. More than there is becomes a debt, which is paid by waiting."""
        self._requests -= 1
        self._tokens -= tokens

    def add(self, requests: float, tokens: float) -> None:
        """Give back; below zero: take after the fact."""
        self._requests = min(self._requests + requests, self._requests_size)
        self._tokens = min(self._tokens + tokens, self._tokens_size)

    def lower(self, level: Level) -> None:
        """Have no more left than `level`, and take nothing for its `blocked` seconds."""
        now = time.monotonic()
        self.has(0, now)
        self._requests = min(self._requests, level.requests)
        self._tokens = min(self._tokens, level.tokens)
        self._blocked = max(self._blocked, now + level.blocked)

    def level(self) -> Level:
        """What is left now."""
        self.has(0, time.monotonic())
        return Level(
            inf if self.limit.requests is None else self._requests,
            inf if self.limit.tokens is None else self._tokens,
            max(self._blocked - self._at, 0.0),
        )
