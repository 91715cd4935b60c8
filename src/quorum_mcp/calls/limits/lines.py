"""Who waits for which limit: first come, first served, and only the first of a line tries."""

import asyncio
import time
from bisect import insort
from collections.abc import Sequence
from itertools import count

from quorum_mcp.calls.limits.limit import Level, Limit


class Line:
    """Those who wait for one limit, in the order in which they came to the limiter."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.places: list[Place] = []
        self._level = Level()
        self._at = 0.0

    def learn(self, limit: Limit, level: Level) -> None:
        """What the first one found when it tried."""
        self.limit, self._level, self._at = limit, level, time.monotonic()

    def used(self, tokens: int) -> None:
        """The first one was served."""
        level = self._level
        self._level = Level(level.requests - 1, level.tokens - tokens, level.blocked)

    def wait(self, place: "Place") -> float:
        """Seconds until the place is served, if those before it are served first."""
        before = self.places[: self.places.index(place)]
        level = self._level.after(self.limit, time.monotonic() - self._at)
        # A request that is larger than the bucket is let in by a full one: those after it pay for it.
        debt = sum(each.tokens for each in before)
        left = Level(level.requests - len(before), level.tokens - debt, level.blocked)
        return left.wait(self.limit, 1, place.tokens)


class Place:
    """One call that waits, in one line at a time; it keeps its rank when it changes to another line.

    Attributes:
        tokens: how many it wants.
        seconds: how long it has waited, and `longest`: for which limit at last.
    """

    def __init__(self, lines: "Lines", tokens: int) -> None:
        self.tokens = tokens
        self.line: Line | None = None
        self.seconds = 0.0
        self.longest: Limit | None = None
        self._rank = lines.next_rank()
        self._lines = lines
        self._turn = asyncio.Event()

    def __lt__(self, other: "Place") -> bool:
        return self._rank < other._rank

    def stand(self, limit: Limit, level: Level | None) -> float:
        """Stand in the line of `limit`; returns the seconds that it is likely to take."""
        line = self._lines.of(limit)
        if level is not None:
            line.learn(limit, level)
        if line is not self.line:
            self.leave()
            insort(line.places, self)
            self.line = line
        return line.wait(self)

    def waited(self, limit: Limit, seconds: float) -> None:
        """Note that it waited for a limit."""
        self.seconds += seconds
        self.longest = limit

    async def turn(self, seconds: float) -> None:
        """Return when everybody before has been served or has left. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while not self.is_first:
                self._turn.clear()
                await self._turn.wait()

    def call(self) -> None:
        """It is this place's turn."""
        self._turn.set()

    @property
    def is_first(self) -> bool:
        """Whether nobody stands before."""
        return self.line is None or self.line.places[0] is self

    def leave(self, *, served: bool = False) -> None:
        """Leave the line, and let the next one try."""
        line, self.line = self.line, None
        if line is None:
            return
        line.places.remove(self)
        if served:
            line.used(self.tokens)
        if line.places:
            line.places[0].call()
        else:
            self._lines.forget(line)


class Lines:
    """The lines that somebody stands in."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._ranks = count()

    def busy(self, limits: Sequence[Limit], place: Place | None = None) -> Limit | None:
        """The first of the limits that somebody waits for, but for the line whose first one is `place`."""
        if not self._lines:
            return None
        own = place.line.limit.name if place is not None and place.line is not None and place.is_first else ""
        return next((limit for limit in limits if limit.name != own and limit.name in self._lines), None)

    def of(self, limit: Limit) -> Line:
        """The limit's line, which is there as long as somebody stands in it."""
        line = self._lines.get(limit.name)
        if line is None:
            line = self._lines[limit.name] = Line(limit)
        return line

    def forget(self, line: Line) -> None:
        """Nobody stands in it any more."""
        self._lines.pop(line.limit.name, None)

    def next_rank(self) -> int:
        """Later ones are higher."""
        return next(self._ranks)
