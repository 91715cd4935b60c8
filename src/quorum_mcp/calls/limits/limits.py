"""The limiter of calls: every limit of a call is taken together, or none is, and who cannot wait is refused."""

import time
from collections.abc import Sequence
from functools import partial
from math import inf
from typing import TypeVar

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
from quorum_mcp.calls.limits.waiting import story, wait
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ProviderError, ProviderRateLimited
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.shared_state import SharedState

N = TypeVar("N", int, float)


class Limits:
    """The rates of all calls of a process; with `shared`, of all processes together."""

    def __init__(self, settings: Settings, registry: Registry, shared: SharedState | None = None) -> None:
        self.shared = shared
        self._registry = registry
        self._own = MemoryRates() if shared is None else None
        self._rates: Backend = SharedRates(shared) if shared is not None else self._own or MemoryRates()
        self._lines = Lines()
        self._estimates = Estimates()
        self._learned = Learned()
        self._scopes = Scopes(settings, registry, self._learned)

    def turn(self, target: Target, call: Call) -> "Turn":
        """Where the call waits for its caller's own limits, before it takes a place at the provider from others.

        On entering raises `RateLimited`, as `take` does.
        """
        return Turn(self, target, call)

    def take_at_once(self, target: Target, call: Call) -> Taken | None:
        """What `take` takes, where that is there now and nobody has to be asked; None: it may have to be waited for."""
        limits = self._scopes.of(target, call.tenant, call.key)
        if not limits:
            return NOTHING
        if self._own is None or self._lines.busy(limits):
            return None
        tokens = self._estimates.of(target.name, call.request)
        return None if self._own.take_now(limits, tokens) else Taken(tokens, limits)

    async def take(self, target: Target, call: Call, turn: "Turn | None" = None) -> Taken:
        """Wait for a request and its tokens, wherever the call is limited; returns what was taken.

        Raises:
            RateLimited: the wait would not end before the deadline.
            ProviderRateLimited: the same, for a limit that the provider told.
        """
        limits = self._scopes.of(target, call.tenant, call.key)
        if not limits:
            return NOTHING
        tokens = self._estimates.of(target.name, call.request)
        place = turn.place if turn is not None else None
        busy = self._lines.busy(limits, place)
        levels = None if busy else await self._rates.take(limits, tokens, call.remaining())
        if levels is None and not busy and place is None:
            return Taken(tokens, limits)
        place, served = place or Place(self._lines, tokens), False
        try:
            if found := busy or levels:
                take = partial(self._rates.take, limits, tokens)
                await wait(place, limits, take, found, call, target)
            served = True
        finally:
            place.leave(served=served)
            if not served:
                self._rates.leave(limits)
        return Taken(tokens, limits, story(place))

    def ready(self, target: Target) -> bool:
        """Whether the limits towards an endpoint would let a small request in now, as far as is known here."""
        limits = self._scopes.of_target(target)
        return not limits or self._rates.enough(limits, 1)

    async def stand(self, target: Target, call: Call) -> Place | None:
        """A place in the line of the caller's own limits, as its first one; None where no line is needed."""
        limits = self._scopes.of_caller(call.tenant, call.key)
        if not limits:
            return None
        tokens = self._estimates.of(target.name, call.request)
        busy = self._lines.busy(limits)
        if busy is None and self._rates.enough(limits, tokens):
            return None
        found = busy or self._known(limits)
        place = Place(self._lines, tokens)

        async def look(_: float) -> tuple[Level, ...] | None:
            return self._missing(limits, tokens, await self._rates.look(limits))

        try:
            await wait(place, limits, look, found, call, target)
        except BaseException:
            place.leave()
            raise
        return place

    def _known(self, limits: tuple[Limit, ...]) -> tuple[Level, ...]:
        """What is left of the limits, as last known."""
        return tuple([self._last(limit) for limit in limits])

    def _last(self, limit: Limit) -> Level:
        return self._rates.last(limit) or Level(limit.requests or 0, limit.tokens or 0)

    @staticmethod
    def _missing(
        limits: tuple[Limit, ...], tokens: int, levels: tuple[Level, ...]
    ) -> tuple[Level, ...] | None:
        """The levels, where they are too low for a call."""
        waits = (level.wait(limit, 1, tokens) for limit, level in zip(limits, levels, strict=True))
        return levels if max(waits) > 0 else None

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
        seconds = (error.retry_after or 0.0) if isinstance(error, ProviderRateLimited) else 0.0
        seconds = seconds if seconds <= LONGEST else 0.0
        if told is None and not seconds:
            return
        before = self._learned.of(target.label)
        limit = self._learned.learn(target.label, told)
        if limit is not before:
            self._scopes.forget(target.label)
        level = Level(blocked=seconds)
        if told is not None:
            left = Level(_or_inf(told.requests_left), _or_inf(told.tokens_left), told.blocked)
            level = left.after(limit, time.monotonic() - told.at)._replace(blocked=max(seconds, left.blocked))
        if level != Level():
            self._rates.lower(limit, level)

    def left(self, provider: str) -> tuple[int | None, int | None]:
        """Requests and tokens that are available, as last known; None where there is no limit (or no call yet).

        Of a provider with deployments, what they have left together.
        """
        return _together([self.left_at(endpoint) for endpoint in self._registry.endpoints(provider)])

    async def look(self, provider: str) -> tuple[Limit, tuple[int | None, int | None]]:
        """The tightest limits towards a provider, and the requests and tokens that are available now.

        Of a provider with deployments, those of all of them together.
        """
        found = [await self._look(endpoint) for endpoint in self._registry.endpoints(provider)]
        requests, tokens = _together([(limit.requests, limit.tokens) for limit, _ in found])
        return Limit(f"provider:{provider}", requests, tokens), _together([left for _, left in found])

    def left_at(self, endpoint: str) -> tuple[int | None, int | None]:
        """The same of one endpoint: `provider`, or `provider@deployment`."""
        limits = self._scopes.of_endpoint(endpoint)
        return _least([(limit, level) for limit in limits if (level := self._rates.last(limit)) is not None])

    async def _look(self, endpoint: str) -> tuple[Limit, tuple[int | None, int | None]]:
        limits = self._scopes.of_endpoint(endpoint)
        levels = await self._rates.look(limits) if limits else ()
        requests = [limit.requests for limit in limits if limit.requests is not None]
        tokens = [limit.tokens for limit in limits if limit.tokens is not None]
        tightest = Limit("tightest", min(requests, default=None), min(tokens, default=None))
        return tightest, _least(list(zip(limits, levels, strict=True)))

    def of_caller(self, tenant: str, key: KeyRule | None) -> list[tuple[Limit, Level]]:
        """The limits of a caller and what is left of them, as last known."""
        return [(limit, self._last(limit)) for limit in self._scopes.of_caller(tenant, key)]

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


class Turn:
    """A call's wait for its caller's own limits; the place it has, and keeps until it took what it needs."""

    __slots__ = ("_call", "_limits", "_target", "place")

    def __init__(self, limits: Limits, target: Target, call: Call) -> None:
        self._limits, self._target, self._call = limits, target, call
        self.place: Place | None = None

    async def __aenter__(self) -> "Turn":
        self.place = await self._limits.stand(self._target, self._call)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.place is not None:
            self.place.leave()


def _least(found: list[tuple[Limit, Level]]) -> tuple[int | None, int | None]:
    """Whole requests and tokens that all of them have left; None where no limit holds."""
    levels = [Level(0, 0) if level.blocked else level for _, level in found]
    requests = min((level.requests for level in levels), default=inf)
    tokens = min((level.tokens for level in levels), default=inf)
    return _whole(requests), _whole(tokens)


def _together(found: list[tuple[N | None, N | None]]) -> tuple[N | None, N | None]:
    """The sums of both; None where one of them has no limit."""
    first, second = zip(*found, strict=True)
    return _sum(first), _sum(second)


def _sum(amounts: Sequence[N | None]) -> N | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known[1:], known[0]) if len(known) == len(amounts) else None


def _whole(amount: float) -> int | None:
    return None if amount == inf else max(int(amount), 0)


def _or_inf(amount: int | None) -> float:
    return inf if amount is None else amount
