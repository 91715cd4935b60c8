"""Which budgets there are, and which of them a call counts towards."""

from collections.abc import Iterable, Sequence
from typing import Self

from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.budgets.from_settings import cap, fallback
from quorum_mcp.config.settings import Settings
from quorum_mcp.store.budgets import Loaded

_MOST = 10_000
"""Kinds of calls whose budgets are remembered."""


class Concerned(tuple[Budget, ...]):
    """The budgets that a kind of call counts towards, in the order of their ids.

    Attributes:
        strict: whether one of them is to hold whatever it takes, and `kept`, whether one is to hold at all.
    """

    strict: bool
    kept: bool

    @classmethod
    def of(cls, budgets: Iterable[Budget]) -> Self:
        """Of these."""
        found = cls(sorted(budgets, key=lambda one: one.id))
        found.strict = any(one.strict for one in found)
        found.kept = any(one.enforce for one in found)
        return found


class Book:
    """The budgets as this process knows them: those of the database, and those of its settings."""

    def __init__(self, settings: Settings) -> None:
        self.version: str | None = None
        self._fallback = fallback(settings)
        self._cap = cap(settings)
        self._of: dict[tuple[str, str, str | None], Concerned] = {}
        self.budgets: dict[str, Budget] = {}
        self._set(())

    def load(self, loaded: Loaded) -> list[Budget]:
        """Take over what the database holds; returns those that are not as they were, as they were."""
        if loaded.rows is None:
            return []
        self.version = loaded.version
        before = self.budgets
        self._set([Budget.of(row) for row in loaded.rows])
        return [budget for budget in before.values() if self.budgets.get(budget.id) != budget]

    def of(self, provider: str, tenant: str, key_id: str | None) -> Concerned:
        """The budgets that a call counts towards."""
        kind = (provider, tenant, key_id)
        found = self._of.get(kind)
        if found is None:
            if len(self._of) >= _MOST:
                self._of.clear()
            near = (*self._by_key.get(key_id, ()), *self._by_tenant.get(tenant, ()), *self._others)
            found = self._of[kind] = Concerned.of(one for one in near if one.concerns(*kind))
        return found

    def _set(self, stored: Sequence[Budget]) -> None:
        own = [self._cap]
        if not any(budget.universal for budget in stored):
            own.append(self._fallback)
        self.budgets = {budget.id: budget for budget in (*stored, *own)}
        self._of = {}
        self._by_key: dict[str | None, list[Budget]] = {}
        self._by_tenant: dict[str, list[Budget]] = {}
        self._others: list[Budget] = []
        for budget in self.budgets.values():
            if budget.key_id is not None:
                self._by_key.setdefault(budget.key_id, []).append(budget)
            elif budget.tenant is not None:
                self._by_tenant.setdefault(budget.tenant, []).append(budget)
            else:
                self._others.append(budget)
