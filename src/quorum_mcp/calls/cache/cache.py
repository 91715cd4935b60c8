"""Exact repeats: kept answers, and one call for equal requests at the same time.

Kept are complete answers to requests that ask for a low temperature (an absent one is the vendor's default,
which is high), without tools. Seats of a panel never share an answer: they are meant to be independent.
"""

import time
from collections.abc import Generator

from msgspec import DecodeError, msgpack, structs

from quorum_mcp.answers import Answer, Delta, ReasoningDelta, TextDelta
from quorum_mcp.calls.cache.backend import Backend, Stored
from quorum_mcp.calls.cache.counts import Counts, total
from quorum_mcp.calls.cache.flight import Flight
from quorum_mcp.calls.cache.key import key_of, of_tenant, parse
from quorum_mcp.calls.cache.memory import Memory
from quorum_mcp.calls.cache.redis import Shared
from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.messages import Reasoning, Text
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.shared_state import SharedState

FOLLOWING_SHARE = 0.5
"""The part of its remaining time that a call waits for an equal one: it must still be able to ask by itself."""

_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Answer)


class Cache:
    """The answers of this process, or of all that share a Redis; every tenant has only its own."""

    def __init__(self, settings: CacheSettings, shared: SharedState | None = None) -> None:
        self.settings = settings
        self.backend: Backend = (
            Shared(shared, settings.ttl_seconds)
            if shared is not None and settings.backend == "redis"
            else Memory(settings.ttl_seconds, settings.max_entries, settings.max_bytes)
        )
        self._flights: dict[str, Flight] = {}
        self._counts: dict[str, Counts] = {}

    async def lookup(self, call: Call, target: Target) -> "Lookup":
        """Look for the answer to a call; close what comes back when the call has ended.

        Where an equal call is under way, this waits for it, up to half of the call's own time.
        """
        key = key_of(call, target, self.settings)
        if key is None:
            return Lookup(self, None, "not for this call")
        counts = self._counts.get(call.tenant)
        if counts is None:
            counts = self._counts[call.tenant] = Counts()
        note = "miss"
        if (flight := self._flights.get(key)) is None:
            flight = Flight(self._flights, key)
            if (answer := await self._find(key, flight)) is not None:
                counts.hits += 1
                return Lookup(self, key, "hit", answer)
        elif flight.answer is not None:
            counts.hits += 1
            return Lookup(self, key, "hit", flight.answer)
        else:
            began = time.monotonic()
            outcome = await flight.join(call.remaining() * FOLLOWING_SHARE)
            waited = f"waited {(time.monotonic() - began) * 1000:.0f} ms for an equal call"
            if isinstance(outcome, Answer):
                counts.joined += 1
                return Lookup(self, key, f"hit, {waited}", outcome)
            note = f"miss, {waited}"
            flight = flight if outcome == "lead" else None
        counts.misses += 1
        return Lookup(self, key, note, flight=flight)

    def keep(self, key: str, answer: Answer, flight: Flight | None) -> None:
        """Keep a complete answer, and give it to all who wait for it."""
        if answer.limits is not None:  # what was left of them then
            answer = structs.replace(answer, limits=None)
        value = _encoded(answer)
        if value is None:
            if flight is not None:
                flight.scatter()
            return
        if flight is None:
            self.backend.put(key, value, _nothing)
        else:
            flight.land(answer)
            self.backend.put(key, value, flight.over)

    async def remove(
        self,
        tenant: str | None,
        *,
        provider: str | None = None,
        model: str | None = None,
        key: str | None = None,
    ) -> int:
        """Forget a tenant's answers (None: everyone's) of a provider, of a model or with a key; how many."""

        def match(name: str) -> bool:
            parts = parse(name)
            return (
                (provider is None or provider == parts.provider)
                and (model is None or model in (parts.model, f"{parts.provider}/{parts.model}"))
                and (key is None or key in (parts.key, name))
            )

        return await self.backend.remove("" if tenant is None else of_tenant(tenant), match)

    async def stored(self, tenant: str | None = None) -> Stored:
        """How much a tenant has here (None: everyone)."""
        return await self.backend.stored("" if tenant is None else of_tenant(tenant))

    def stats(self, tenant: str | None = None) -> Counts:
        """How often a tenant's calls were answered from here (None: everyone's), since the process began."""
        return total([c for name, c in self._counts.items() if tenant in (None, name)])

    @property
    def under_way(self) -> int:
        """How many requests are under way, or being written, that equal ones wait for."""
        return len(self._flights)

    async def close(self) -> None:
        """Finish what is being kept."""
        await self.backend.close()

    async def _find(self, key: str, flight: Flight) -> Answer | None:
        """The kept answer, which ends the flight that was just begun for it."""
        try:
            value = await self.backend.get(key)
        except BaseException:
            flight.hand_on(failed=False)
            raise
        if value is None:
            return None
        try:
            answer = _decoder.decode(value)
        except DecodeError:  # another version's
            return None
        flight.land(answer)
        flight.over()
        return answer


class Lookup:
    """One call's business with the cache: `answer` is what was found, `note` the line for the call's trace."""

    def __init__(
        self,
        cache: Cache,
        key: str | None,
        note: str,
        answer: Answer | None = None,
        *,
        flight: Flight | None = None,
    ) -> None:
        self.key = key
        self.answer = answer
        self.note = note if key is None else f"{note} ({key.partition(':')[2]})"
        self._cache = cache
        self._flight = flight

    def keep(self, answer: Answer) -> None:
        """Keep the whole answer that the call got from the model it named."""
        if self.key is not None:
            flight, self._flight = self._flight, None
            self._cache.keep(self.key, answer, flight)

    def close(self, *, failed: bool) -> None:
        """The call has ended; `failed` where it got no answer from the model, rather than was cancelled."""
        if self._flight is not None:
            self._flight.hand_on(failed=failed)
            self._flight = None


def replay(answer: Answer) -> Generator[Delta]:
    """A kept answer as the deltas of a stream."""
    for part in answer.parts:
        if isinstance(part, Reasoning) and part.text:
            yield ReasoningDelta(part.text)
        elif isinstance(part, Text) and part.text:
            yield TextDelta(part.text)


def _encoded(answer: Answer) -> bytes | None:
    """The answer as bytes; None for one that is cut, empty, asks for tools or cannot be written."""
    if answer.stop != "stop" or not answer.text or answer.tool_uses:
        return None
    try:
        return _encoder.encode(answer)
    except (UnicodeEncodeError, OverflowError):
        return None


def _nothing() -> None:
    pass
