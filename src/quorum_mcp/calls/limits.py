"""Rates towards a provider: two buckets, requests and tokens, taken together or not at all. In this process only."""

import asyncio
import time

from quorum_mcp.answers import Usage
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.record import NOTHING, Taken
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import RateLimited
from quorum_mcp.messages import ModelRequest, Text
from quorum_mcp.providers.prices import FREE
from quorum_mcp.providers.registry import Registry, Target

CHARACTERS_PER_TOKEN = 4
"""Good enough to reserve with: the count is corrected to what the provider reports."""


class Rate:
    """Two token buckets that refill steadily over a minute. `requests` and `tokens` are what is left now."""

    def __init__(self, requests_per_minute: int, tokens_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self._requests = float(requests_per_minute)
        self._tokens = float(tokens_per_minute)
        self._at = time.monotonic()

    def left(self) -> tuple[int, int]:
        """Whole requests and tokens that are available now."""
        self._refill()
        return max(int(self._requests), 0), max(int(self._tokens), 0)

    def take(self, tokens: int) -> float:
        """Take one request and `tokens`; 0.0 when taken, else the seconds until it could be."""
        self._refill()
        tokens = min(tokens, self.tokens_per_minute)  # one that is larger than the bucket takes all of it
        wait = max(
            (1 - self._requests) * 60 / self.requests_per_minute,
            (tokens - self._tokens) * 60 / self.tokens_per_minute,
        )
        if wait > 1e-9:
            return wait
        self._requests -= 1
        self._tokens -= tokens
        return 0.0

    def correct(self, taken: int, used: int) -> None:
        """Replace an estimate by the real count; a debt is paid by waiting."""
        self._tokens = min(self._tokens + taken - used, float(self.tokens_per_minute))

    def give_back(self, taken: int) -> None:
        """Return a request and its tokens."""
        self._requests = min(self._requests + 1, float(self.requests_per_minute))
        self.correct(taken, 0)

    def _refill(self) -> None:
        now = time.monotonic()
        passed, self._at = now - self._at, now
        self._requests = min(
            self._requests + passed * self.requests_per_minute / 60, self.requests_per_minute
        )
        self._tokens = min(self._tokens + passed * self.tokens_per_minute / 60, self.tokens_per_minute)


class Limits:
    """The rates of all providers. Without a setting the defaults hold, but for those that cost nothing."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._rates: dict[str, Rate | None] = {}

    def rate(self, target: Target) -> Rate | None:
        """The provider's rate, None where it has none."""
        name = target.provider.name
        if name not in self._rates:
            self._rates[name] = self._make(target)
        return self._rates[name]

    def left(self, provider: str) -> tuple[int | None, int | None]:
        """Requests and tokens that are available, None where there is no limit (or no call yet)."""
        rate = self._rates.get(provider)
        return rate.left() if rate is not None else (None, None)

    async def take(self, target: Target, call: Call) -> Taken:
        """Wait for a request and its tokens, wherever the call is limited; returns what was taken.

        Raises:
            RateLimited: the wait would not end before the deadline.
        """
        rate = self.rate(target)
        if rate is None:
            return NOTHING
        tokens, remaining = estimate(call.request), call.remaining()
        while (wait := rate.take(tokens)) > 0:
            if wait >= remaining:
                raise RateLimited(
                    f"the limit towards {target.provider.name} is reached",
                    hint="wait, or raise limits of the provider in quorum.yaml",
                    provider=target.provider.name,
                    retry_after=round(wait, 2),
                )
            await asyncio.sleep(wait)
            remaining -= wait
        return Taken(tokens)

    def correct(self, target: Target, taken: Taken, usage: Usage) -> None:
        """Replace the tokens taken for an attempt by those it used, where the provider told."""
        rate = self._rates.get(target.provider.name)
        if rate is not None and usage.reported:
            rate.correct(taken.tokens, usage.input + usage.output)

    def give_back(self, target: Target, taken: Taken) -> None:
        """Return what was taken for an attempt that did not leave."""
        rate = self._rates.get(target.provider.name)
        if rate is not None:
            rate.give_back(taken.tokens)

    def _make(self, target: Target) -> Rate | None:
        entry = self._settings.providers.get(target.provider.name)
        requests = entry.limits.requests_per_minute if entry else None
        tokens = entry.limits.tokens_per_minute if entry else None
        free = (
            target.provider.kind != "remote"
            or self._registry.price(target.provider.name, target.model) == FREE
        )
        if free and requests is None and tokens is None:
            return None
        unbounded = 10**9
        return Rate(
            requests or (unbounded if free else self._settings.default_requests_per_minute),
            tokens or (unbounded if free else self._settings.default_tokens_per_minute),
        )


def estimate(request: ModelRequest) -> int:
    """About how many tokens the request's texts have."""
    texts = (
        len(part.text) for message in request.messages for part in message.parts if isinstance(part, Text)
    )
    return sum(texts) // CHARACTERS_PER_TOKEN + 1
