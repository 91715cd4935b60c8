"""How budgets stand: what of each is spent, set aside and left, and when it will be over."""

from collections.abc import Callable

from msgspec import Struct

from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.budgets.service import Budgets
from quorum_mcp.store.budgets import PeriodState
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.periods import Window, window

SHORTEST = 60 * MICROSECONDS
"""The least time that a rate of spending is taken over."""


class Standing(Struct, frozen=True):
    """A budget in its current window; amounts in nanodollars, `now` is the database's time."""

    budget: Budget
    window: Window
    state: PeriodState
    now: int

    @property
    def remaining(self) -> int:
        """What is neither spent nor set aside."""
        return max(0, self.budget.amount - self.state.spent - self.state.leased)

    @property
    def forecast(self) -> int | None:
        """When the budget is spent, if spending goes on as on average since its window began (or it was set).

        None: not before the window ends.
        """
        left = self.budget.amount - self.state.spent
        if left <= 0:
            return self.now
        if not self.state.spent:
            return None
        at = self.now + left * self._elapsed // self.state.spent
        resets = self.window.resets_at
        return None if at > _LATEST or (resets is not None and at >= resets) else at

    @property
    def projected(self) -> int | None:
        """Nanodollars spent when the window ends, at the same rate. None: it never ends."""
        resets = self.window.resets_at
        if resets is None:
            return None
        return self.state.spent + self.state.spent * max(0, resets - self.now) // self._elapsed

    @property
    def _elapsed(self) -> int:
        """Microseconds that the rate of spending is taken over."""
        since = max(self.window.starts_at, self.budget.created_at if self.budget.period == "total" else 0)
        return max(SHORTEST, self.now - since)


_LATEST = 253_402_300_799 * MICROSECONDS
"""The end of the year 9999: what is later has no date."""


async def standings(budgets: Budgets, wanted: Callable[[Budget], bool]) -> list[Standing]:
    """The budgets that are `wanted`, as they stand now.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    await budgets.purse.settle_up()
    now = await budgets.refresh()
    found = [budget for budget in budgets.book.budgets.values() if wanted(budget)]
    windows = {budget.id: window(budget.period, now, budgets.zone) for budget in found}
    states = await budgets.store.states((name, at.starts_at) for name, at in windows.items())
    result: list[Standing] = []
    for budget in found:
        at = windows[budget.id]
        nothing = PeriodState(budget.id, at.starts_at, 0, 0, closed=False, alerted=0)
        result.append(Standing(budget, at, states.get((budget.id, at.starts_at), nothing), now))
    return result
