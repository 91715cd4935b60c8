"""Answers that need not be asked for again: exact repeats, in this process.

Only requests that ask for a low temperature are kept (an absent one is the vendor's default, which is high), without
tools, whole answers only. Seats of a panel never share an answer: they are meant to be independent.
"""

import hashlib
import time
from collections import OrderedDict

import msgspec

from quorum_mcp.answers import Answer
from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.providers.registry import Target

MOST = 2_000
"""Answers that are kept; the one that was used longest ago goes first."""


class Cache:
    """Whole answers by an exact key that begins with the tenant."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    async def lookup(self, call: Call, target: Target) -> "Lookup":
        """Look for the answer to a call; close what comes back when the call has ended."""
        return Lookup(self, self.key(call, target))

    def key(self, call: Call, target: Target) -> str | None:
        """The key of a call's answer, None where it must not be kept."""
        request = call.request
        temperature = target.temperature if request.temperature is None else request.temperature
        if (
            self._settings.backend == "off"
            or not call.cache
            or temperature is None
            or temperature > self._settings.max_temperature
            or request.tools
            or call.surface == "consensus"
            or target.provider.name in self._settings.skip_providers
            or target.provider.kind in ("builtin", "sim")
        ):
            return None
        content = msgspec.json.encode((request, target.max_tokens), order="deterministic")
        digest = hashlib.sha256(content).hexdigest()
        return f"{call.tenant}:llm:{target.provider.name}:{target.model}:{digest}:{temperature:g}"

    def get(self, key: str | None) -> Answer | None:
        """The answer kept under `key`, unless it is too old."""
        found = self._kept.get(key) if key is not None else None
        if found is None or key is None:
            return None
        if found[0] < time.monotonic():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[1]

    def put(self, key: str | None, answer: Answer) -> None:
        """Keep a complete answer."""
        if key is None or answer.stop != "stop":
            return
        self._kept[key] = (time.monotonic() + self._settings.ttl_seconds, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)


class Lookup:
    """One call's business with the cache."""

    def __init__(self, cache: Cache, key: str | None) -> None:
        self._cache = cache
        self.key = key
        self.answer = cache.get(key)
        """The answer that was found."""

    @property
    def note(self) -> str:
        """The line for the call's trace."""
        return "not for this call" if self.key is None else "miss" if self.answer is None else "hit"

    def keep(self, answer: Answer) -> None:
        """Keep the whole answer that the call got."""
        self._cache.put(self.key, answer)

    def close(self) -> None:
        """The call has ended, however it did."""
