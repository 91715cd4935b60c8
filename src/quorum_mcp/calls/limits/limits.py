"""The limiter of calls: every limit of a call is taken together, or none is, and who cannot wait is refused."""

import asyncio
import time
from math import inf

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.limits.estimate import Estimates
from quorum_mcp.calls.limits.learned import LONGEST, Learned
from quorum_mcp.calls.limits.limit import NOTHING, Level, Limit, Taken
from quorum_mcp.calls.limits.lines import Lines, Place
from quorum_mcp.calls.limits.memory import MemoryRates
from quorum_mcp.calls.limits.memory import Rates as Backend
from quorum_mcp.calls.limits.scopes import Scopes
from quorum_mcp.calls.limits.shared import SharedRates
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ProviderError, ProviderRateLimited, QuorumError, RateLimited
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.shared_state import SharedState

_HINTS = {
    "provider": "wait, or raise limits of the provider in quorum.yaml",
    "model": "wait, or raise model_limits of the provider in quorum.yaml",
    "vendor": "wait, name another model, or ask the provider for higher limits",
    "tenant": "wait, or raise server.tenant_limits in quorum.yaml",
    "key": "wait, or use a key with higher limits",
}


class Limits:
    """The rates of all calls of a process; with `shared`, of all processes together."""

    def __init__(self, settings: Settings, registry: Registry, shared: SharedState | None = None) -> None:
        self.shared = shared
        self._rates: Backend = MemoryRates() if shared is None else SharedRates(shared)
        self._lines = Lines()
        self._estimates = Estimates()
        self._learned = Learned()
        self._scopes = Scopes(settings, registry, self._learned)

    async def take(self, target: Target, call: Call) -> Taken:
        """Wait for a request and its tokens, wherever the call is limited; returns what was taken.

        Raises:
            RateLimited: the wait would not end before the deadline.
        """
        limits = self._scopes.of(target, call.tenant, call.key)
        if not limits:
            return NOTHING
        tokens = self._estimates.of(target.name, call.request)
        busy = self._lines.busy(limits)
        levels = None if busy else await self._rates.take(limits, tokens, call.remaining())
        if levels is None and not busy:
            return Taken(tokens, limits)
        place, began, served = Place(self._lines, tokens), time.monotonic(), False
        try:
            limit = await self._wait(place, limits, busy, levels, call, target)
            served = True
        finally:
            place.leave(served=served)
            if not served:
                self._rates.leave(limits)
        waited = time.monotonic() - began
        return Taken(tokens, limits, f"waited {waited * 1000:.0f} ms for the limit {_whose(limit)}")

    def correct(self, target: Target, taken: Taken, usage: Usage) -> None:
        """Replace the tokens taken for an attempt by those it used, where the provider told."""
        if usage.reported:
            self._estimates.learn(target.name, usage.output)
            if taken.limits:
                self._rates.add(taken.limits, 0, taken.tokens - usage.input - usage.output)

    def give_back(self, target: Target, taken: Taken) -> None:  # noqa: ARG002 - beside `correct`
        """Return what was taken for an attempt that did not leave."""
        if taken.limits:
            self._rates.add(taken.limits, 1, taken.tokens)

    def learn(self, target: Target, answer: Answer | None, error: BaseException | None) -> None:
        """Hold to what the provider told of its limits with an answer, or by refusing."""
        told = answer.limits if answer is not None else None
        if isinstance(error, ProviderError):
            told = error.limits or told
        wait = (error.retry_after or 0.0) if isinstance(error, ProviderRateLimited) else 0.0
        wait = wait if wait <= LONGEST else 0.0
        if told is None and not wait:
            return
        before = self._learned.of(target.name)
        limit = self._learned.learn(target.name, told)
        if limit is not before:
            self._scopes.forget(target.name)
        level = Level(blocked=wait)
        if told is not None:
            left = Level(_or_inf(told.requests_left), _or_inf(told.tokens_left), told.blocked)
            level = left.after(limit, time.monotonic() - told.at)._replace(blocked=max(wait, left.blocked))
        if level != Level():
            self._rates.lower(limit, level)

    def left(self, provider: str) -> tuple[int | None, int | None]:
        """Requests and tokens that are available, as last known; None where there is no limit (or no call yet)."""
        limits = self._scopes.of_provider(provider)
        found = [(limit, level) for limit in limits if (level := self._rates.last(limit)) is not None]
        requests, tokens = _least(found)
        return requests, tokens

    async def look(self, provider: str) -> tuple[Limit, tuple[int | None, int | None]]:
        """The tightest limits towards a provider, and the requests and tokens that are available now."""
        limits = self._scopes.of_provider(provider)
        levels = await self._rates.look(limits) if limits else ()
        requests = [limit.requests for limit in limits if limit.requests is not None]
        tokens = [limit.tokens for limit in limits if limit.tokens is not None]
        tightest = Limit(f"provider:{provider}", min(requests, default=None), min(tokens, default=None))
        return tightest, _least(list(zip(limits, levels, strict=True)))

    def of_caller(self, tenant: str, key: KeyRule | None) -> list[tuple[Limit, Level]]:
        """The limits of a caller and what is left of them, as last known."""
        limits = self._scopes.of_caller(tenant, key)
        full = [Level(limit.requests or 0, limit.tokens or 0) for limit in limits]
        return [(limit, self._rates.last(limit) or whole) for limit, whole in zip(limits, full, strict=True)]

    @property
    def whole(self) -> bool:
        """Whether the limits hold as they are set; False: this process holds to its part of them."""
        return self.shared is None or self.shared.up

    def where(self) -> str:
        """In words, where the rates are kept."""
        if self.shared is None:
            return "rates, breakers and the cache are this process's own"
        n = self.shared.processes
        if self.shared.up:
            return f"rates are shared by {n} processes in Redis; breakers are this process's own"
        part = "the rates alone" if n == 1 else f"1/{n} of the rates"
        return f"Redis cannot be used ({self.shared.reason}): this process holds to {part}"

    async def close(self) -> None:
        """Write down what is still to be written."""
        await self._rates.close()

    async def _wait(
        self,
        place: Place,
        limits: tuple[Limit, ...],
        busy: Limit | None,
        levels: tuple[Level, ...] | None,
        call: Call,
        target: Target,
    ) -> Limit:
        """Stand in the line of the limit that takes longest, until all are taken; returns the last such limit."""
        while True:
            if levels is not None:
                slowest = max(
                    zip(limits, levels, strict=True), key=lambda one: one[1].wait(one[0], 1, place.tokens)
                )
                limit, wait = slowest[0], place.stand(*slowest)
            else:
                assert busy is not None
                limit, wait = busy, place.stand(busy, None)
            left = call.remaining()
            if wait >= left:
                raise _refusal(limit, wait, target)
            if place.is_first:
                await asyncio.sleep(wait)
            try:
                await place.turn(max(call.deadline - time.monotonic(), 0))
            except TimeoutError:
                raise _refusal(limit, max(wait, 1.0), target) from None
            levels = await self._rates.take(limits, place.tokens, max(call.deadline - time.monotonic(), 0))
            if levels is None:
                return limit


def _refusal(limit: Limit, wait: float, target: Target) -> QuorumError:
    return RateLimited(
        f"the limit {_whose(limit)} is reached",
        hint=_HINTS[limit.name.partition(":")[0]],
        provider=target.provider.name,
        model=target.model,
        retry_after=round(wait, 2),
    )


def _whose(limit: Limit) -> str:
    kind, _, name = limit.name.partition(":")
    return f"of the {kind} {name}" if kind in ("tenant", "key", "model") else f"towards {name}"


def _least(found: list[tuple[Limit, Level]]) -> tuple[int | None, int | None]:
    """Whole requests and tokens that all of them have left; None where no limit holds."""
    levels = [Level(0, 0) if level.blocked else level for _, level in found]
    requests = min((level.requests for level in levels), default=inf)
    tokens = min((level.tokens for level in levels), default=inf)
    return _whole(requests), _whole(tokens)


def _whole(amount: float) -> int | None:
    return None if amount == inf else max(int(amount), 0)


def _or_inf(amount: int | None) -> float:
    return inf if amount is None else amount
