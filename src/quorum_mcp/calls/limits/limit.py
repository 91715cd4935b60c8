"""A limit, what is left of it, and what an attempt took: the words that all parts of the limiter share."""

from math import inf
from typing import NamedTuple

from msgspec import Struct


class Limit(Struct, frozen=True):
    """So many requests and tokens a minute, in bursts of at most a minute's worth; None is no limit.

    Attributes:
        name: of its bucket: `provider:lab`, `model:lab/alpha`, `vendor:lab/alpha`, `tenant:acme`, `key:…`.
    """

    name: str
    requests: float | None = None
    tokens: float | None = None

    def share(self, processes: int) -> "Limit":
        """What one of so many processes may use when they cannot agree."""
        requests, tokens = self.requests, self.tokens
        return Limit(
            self.name,
            None if requests is None else requests / processes,
            None if tokens is None else tokens / processes,
        )


class Level(NamedTuple):
    """What is left of a limit now; below zero: a debt. `blocked` is seconds in which nothing may be taken."""

    requests: float = inf
    tokens: float = inf
    blocked: float = 0.0

    def after(self, limit: Limit, seconds: float) -> "Level":
        """The level after a while in which nothing was taken."""
        return Level(
            _refilled(self.requests, limit.requests, seconds),
            _refilled(self.tokens, limit.tokens, seconds),
            max(self.blocked - seconds, 0.0),
        )

    def wait(self, limit: Limit, requests: float, tokens: float) -> float:
        """Seconds until so much can be taken; what is more than a whole bucket needs a full one."""
        return max(
            self.blocked,
            _missing(self.requests, limit.requests, requests),
            _missing(self.tokens, limit.tokens, tokens),
        )


class Taken(NamedTuple):
    """What an attempt took: one request of each of `limits`, and the tokens it was estimated at.

    `waited` tells for which of them it had to wait, and how long.
    """

    tokens: int = 0
    limits: tuple[Limit, ...] = ()
    waited: str = ""


NOTHING = Taken()


def _refilled(level: float, per_minute: float | None, seconds: float) -> float:
    return inf if per_minute is None else min(level + seconds * per_minute / 60, per_minute)


def _missing(level: float, per_minute: float | None, wanted: float) -> float:
    return 0.0 if per_minute is None else (min(wanted, per_minute) - level) * 60 / per_minute
