"""A process's slice of a budget's period, in its memory: admission is arithmetic on it."""

import time

from msgspec import Struct

from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.store.slices import Denial, Grant

LIFE_SECONDS = 600.0
"""How long a lease goes on without being renewed."""
USABLE = 0.8
"""The share of its life in which calls are admitted, and have to be over."""
DENIED_SECONDS = 1.0
"""For how long a denial is remembered."""


class Lease(Struct):
    """Invariant: what calls may still be drawn from it is granted - settled - drawn. Amounts in nanodollars.

    Attributes:
        drawn: set aside for calls under way; `calls` is how many there are.
        good_until: on the monotonic clock; calls have to end before.
        ends: when the period does, on the monotonic clock.
        used: when something was last drawn or settled.
        open: False while it is being returned, and once a bill was higher than what was set aside for it.
    """

    id: str
    budget: Budget
    starts_at: int
    granted: int
    good_until: float
    ends: float
    used: float
    settled: int = 0
    drawn: int = 0
    calls: int = 0
    open: bool = True

    @property
    def period(self) -> tuple[str, int]:
        """The period that it is a slice of: its budget's, and when it began."""
        return self.budget.id, self.starts_at

    @property
    def free(self) -> int:
        """What no call has drawn."""
        return self.granted - self.settled - self.drawn

    def admits(self, amount: int, now: float, deadline: float) -> bool:
        """Whether a call that ends before `deadline` may draw `amount` from it now."""
        return (
            self.open
            and deadline <= self.good_until
            and now < self.ends
            and (self.granted - self.settled - self.drawn >= amount or not self.budget.enforce)
        )


class Denied(Struct):
    """What a budget had left when it was asked, believed until a moment of the monotonic clock."""

    denial: Denial
    until: float

    @classmethod
    def now(cls, denial: Denial) -> "Denied":
        """Of this moment."""
        return cls(denial, time.monotonic() + DENIED_SECONDS)


def life(deadline: float, now: float) -> float:
    """Seconds that a lease has to last for a call with this deadline, and for the next ones like it."""
    return max(LIFE_SECONDS, 2 * (deadline - now) / USABLE)


def leased(grant: Grant, budget: Budget, asked: float, seconds: float, clock: float) -> Lease:
    """A new lease; it was `asked` for at this monotonic time, `clock` is how far that is behind the database's."""
    lease = Lease(grant.lease, budget, grant.window.starts_at, 0, 0.0, 0.0, asked)
    renewed(lease, grant, asked, seconds, clock)
    return lease


def renewed(lease: Lease, grant: Grant, asked: float, seconds: float, clock: float) -> None:
    """The lease goes on."""
    resets = grant.window.resets_at
    lease.granted = grant.granted
    lease.good_until = asked + USABLE * seconds
    # Not before now: the database has just said that the period goes on.
    lease.ends = float("inf") if resets is None else max(resets / 1e6 - clock, time.monotonic() + 0.05)
