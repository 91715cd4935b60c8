"""Alerts: a budget is nearly spent, is spent, or was billed more than was set aside."""

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Connection

from quorum_mcp import money
from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.budgets.service import Budgets
from quorum_mcp.store.alerts import Alert, Outbox
from quorum_mcp.store.budgets import PeriodState, announce
from quorum_mcp.store.database import Database

OVERRUN = 1000
"""The level of a closed period, above every share in percent."""


class _Due(Struct, frozen=True):
    key: tuple[str, int]
    level: int
    alert: Alert


class Watch:
    """Looks at the periods that this process has spent in; of all processes, one raises each alert."""

    def __init__(self, budgets: Budgets, outbox: Outbox, database: Database) -> None:
        self._budgets = budgets
        self._outbox = outbox
        self._database = database

    async def look(self) -> None:
        """Raise what is due. Raises `StoreUnavailable`; the next look sees the same."""
        purse = self._budgets.purse
        states = await self._budgets.store.states(purse.touched())
        due = list(self._due(states.values()))
        if due:
            await self._database.write(lambda conn: self._raise(conn, due))
        for state in states.values():
            budget = self._budgets.book.budgets.get(state.budget_id)
            if state.closed and budget is not None and budget.stored:
                purse.retire(state.budget_id)

    def _due(self, states: Iterable[PeriodState]) -> Iterable[_Due]:
        for state in states:
            budget = self._budgets.book.budgets.get(state.budget_id)
            if budget is None:
                continue
            reached = level(budget, state)
            if reached > state.alerted:
                yield _Due((state.budget_id, state.starts_at), reached, alert(budget, state, reached))

    def _raise(self, conn: Connection, due: list[_Due]) -> None:
        for one in sorted(due, key=lambda each: each.key):
            if announce(conn, one.key, one.level):
                self._outbox.put(conn, one.alert)


def level(budget: Budget, state: PeriodState) -> int:
    """What there is to say: the threshold or 100 in percent, `OVERRUN`, or 0 for nothing."""
    if state.closed:
        return OVERRUN
    if state.spent >= budget.amount:
        return 100
    if state.spent >= budget.amount * budget.alert_threshold:
        return max(1, int(budget.alert_threshold * 100))
    return 0


def alert(budget: Budget, state: PeriodState, reached: int) -> Alert:
    """The alert of a level."""
    share = round(100 * state.spent / budget.amount, 2)
    spent = f"{share:g} % of the {budget.describe()} is spent"
    if reached == OVERRUN:
        message = f"a bill was higher than what was set aside, {spent}"
        message += ", and it is closed until it is set again" if budget.stored else ""
    elif reached == 100 and budget.enforce:
        message = f"{spent}: calls are refused"
    else:
        message = spent
    return Alert(
        kind="budget.overrun" if reached == OVERRUN else "budget",
        subject=budget.id,
        message=message,
        tenant=budget.tenant,
        provider=budget.provider,
        data={
            "period": budget.period,
            "percentage": share,
            "spent": money.to_usd(state.spent),
            "limit": money.to_usd(budget.amount),
            "key_id": budget.key_id,
        },
    )
