"""Rates that all processes share in Redis, and each one's own part of them while Redis is away."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from typing import Any

from msgspec import Struct

from quorum_mcp.calls.limits.limit import Level, Limit
from quorum_mcp.calls.limits.memory import MOST as BUCKETS
from quorum_mcp.calls.limits.memory import MemoryRates
from quorum_mcp.calls.limits.scripts import LOOK, NOTE, TAKE, UNITS
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.ids import new_id
from quorum_mcp.store.shared_state import SharedState

SOON = 0.02
"""Seconds for which corrections are gathered before they are sent together."""
MOST = 10**11
"""A limit above this one is as good as none; Redis counts exactly up to it."""


class Note(Struct):
    """What is to be written down of one limit; see `NOTE`."""

    limit: Limit
    requests: float = 0.0
    tokens: float = 0.0
    least: Level = Level()
    leaves: bool = False


class SharedRates:
    """Buckets in Redis, under the names of their limits.

    When Redis goes away, each process goes on with its part of every limit, 1/N of it for the N processes that
    lived last, and with its part of what was left. When Redis is back, it has no more left than they have.
    """

    def __init__(self, state: SharedState) -> None:
        self._state = state
        self._me = new_id("own")[-12:]
        self._own = MemoryRates()
        self._seen: dict[str, tuple[Level, float]] = {}
        self._notes: dict[str, Note] = {}
        self._sender: asyncio.Task[None] | None = None

    async def take(
        self, limits: Sequence[Limit], tokens: int, patience: float = 0.0
    ) -> tuple[Level, ...] | None:
        """As `Rates` says; in this process's part while Redis is away."""
        if self._state.up:
            with suppress(StoreUnavailable):
                await self._returned()
                answer = await self._ask(TAKE, limits, 1, tokens, self._me, round(patience * 1000))
                levels = self._remember(limits, answer[2:])
                return None if answer[0] else levels
        return self._own.take_now(self._shares(limits), tokens)

    def enough(self, limits: Sequence[Limit], tokens: int) -> bool:
        """As `Rates` says."""
        found = ((limit, self.last(limit)) for limit in limits)
        return all(level is None or level.wait(limit, 1, tokens) <= 0 for limit, level in found)

    def add(self, limits: Sequence[Limit], requests: float, tokens: float) -> None:
        """As `Rates` says."""
        if not self._state.up:
            self._own.add(self._shares(limits), requests, tokens)
            return
        for limit in limits:
            note = self._note(limit)
            note.requests += requests
            note.tokens += tokens

    def leave(self, limits: Sequence[Limit]) -> None:
        """As `Rates` says."""
        if self._state.up:
            for limit in limits:
                self._note(limit).leaves = True

    def lower(self, limit: Limit, level: Level) -> None:
        """As `Rates` says."""
        if not self._state.up:
            n = self._state.processes
            (share,) = self._shares((limit,))
            self._own.lower(share, Level(level.requests / n, level.tokens / n, level.blocked))
            return
        self._least(self._note(limit), level)

    async def look(self, limits: Sequence[Limit]) -> tuple[Level, ...]:
        """As `Rates` says; while Redis is away, of this process's part."""
        if self._state.up:
            with suppress(StoreUnavailable):
                await self._returned()
                return self._remember(limits, await self._ask(LOOK, limits))
        return await self._own.look(self._shares(limits))

    def last(self, limit: Limit) -> Level | None:
        """As `Rates` says."""
        if not self._state.up:
            (share,) = self._shares((limit,))
            return self._own.last(share)
        seen = self._seen.get(limit.name)
        return None if seen is None else seen[0].after(limit, time.monotonic() - seen[1])

    async def close(self) -> None:
        """Send what is not sent yet."""
        if self._sender is not None:
            self._sender.cancel()
            with suppress(asyncio.CancelledError):
                await self._sender
        await self._send()

    async def _returned(self) -> None:
        """Redis is back: it may know less than this process of what was used meanwhile."""
        if not (buckets := self._own.buckets()):
            return
        n = self._state.processes
        for bucket in buckets:
            part, level = bucket.limit, bucket.level()
            whole = Limit(part.name, _times(part.requests, n), _times(part.tokens, n))
            self._least(self._note(whole), Level(level.requests * n, level.tokens * n, level.blocked))
        self._own.clear()
        await self._send()

    def _shares(self, limits: Sequence[Limit]) -> list[Limit]:
        """This process's parts; a bucket that is new begins with its part of what was left."""
        n, now, found = self._state.processes, time.monotonic(), list[Limit]()
        for limit in limits:
            share = limit.share(n)
            if seen := self._seen.get(limit.name):
                left = seen[0].after(limit, now - seen[1])
                bucket = self._own.bucket(share, Level(left.requests / n, left.tokens / n))
                if left.blocked:
                    bucket.lower(Level(blocked=left.blocked))
            found.append(share)
        return found

    async def _ask(self, script: Any, limits: Sequence[Limit], *first: int | str) -> list[int]:
        arguments: list[int | str] = list(first)
        for limit in limits:
            arguments += _rates(limit)
        return await self._state.evaluate(script, [self._key(limit) for limit in limits], arguments)

    def _remember(self, limits: Sequence[Limit], found: Sequence[int]) -> tuple[Level, ...]:
        now, levels = time.monotonic(), list[Level]()
        if len(self._seen) >= BUCKETS:
            self._seen.clear()
        for n, limit in enumerate(limits):
            requests, tokens, blocked, held = found[4 * n : 4 * n + 4]
            level = Level(
                inf if limit.requests is None else requests / UNITS,
                inf if limit.tokens is None else tokens / UNITS,
                blocked / 1000,
            )
            self._seen[limit.name] = (level, now)
            levels.append(level._replace(blocked=max(blocked, held) / 1000))
        return tuple(levels)

    def _note(self, limit: Limit) -> Note:
        note = self._notes.get(limit.name)
        if note is None:
            note = self._notes[limit.name] = Note(limit)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_soon(), name="rates")
        return note

    def _least(self, note: Note, level: Level) -> None:
        note.least = Level(
            min(note.least.requests, level.requests),
            min(note.least.tokens, level.tokens),
            max(note.least.blocked, level.blocked),
        )

    async def _send_soon(self) -> None:
        while self._notes:
            await asyncio.sleep(SOON)
            await self._send()

    async def _send(self) -> None:
        notes, self._notes = list(self._notes.values()), {}
        if not notes:
            return
        arguments: list[Any] = []
        for note in notes:
            least, limit = note.least, note.limit
            arguments += _rates(limit)
            arguments += (_units(note.requests), _units(note.tokens))
            arguments += (_units(least.requests), _units(least.tokens), round(least.blocked * 1000))
            arguments.append(self._me if note.leaves else "")
        try:
            await self._state.evaluate(NOTE, [self._key(note.limit) for note in notes], arguments)
        except StoreUnavailable:
            for note in notes:
                self._own.add(self._shares((note.limit,)), note.requests, note.tokens)

    def _key(self, limit: Limit) -> str:
        return self._state.key("rate", limit.name)


def _rates(limit: Limit) -> tuple[int, int]:
    return min(round(limit.requests or 0), MOST), min(round(limit.tokens or 0), MOST)


def _units(amount: float) -> int | str:
    return "" if amount == inf else round(amount * UNITS)


def _times(part: float | None, n: int) -> float | None:
    return None if part is None else part * n
