"""Money for calls: set aside before one leaves, settled when its bill is known.

A process holds a slice of each budget's period (a lease), and admits calls out of it without asking anybody.
The database is asked when a slice is used up, too old for the call, or of a period that is over. What is
returned, renewed or settled is written down in `store.slices` and `store.leases`.
"""

import time
from collections.abc import Sequence

import structlog

from quorum_mcp.calls.budgets.book import Book, Concerned
from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.budgets.from_settings import rows, timezone
from quorum_mcp.calls.budgets.lease import Denied, Lease
from quorum_mcp.calls.budgets.purse import Purse
from quorum_mcp.calls.budgets.refusal import refusal
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.deadline import in_time
from quorum_mcp.calls.record import Reserved
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.budgets import BudgetStore
from quorum_mcp.store.call_rows import Draw
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

log = structlog.get_logger()


class Budgets:
    """The budgets, and this process's slices of them. `start` before the first call, `close` before the journal."""

    def __init__(self, settings: Settings, database: Database, journal: Journal, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self.zone = timezone(settings)
        self.store = BudgetStore(database)
        self.book = Book(settings)
        self.purse = Purse(database, journal, self.zone)

    async def start(self) -> None:
        """Bring quorum.yaml's budgets into the database, and read all of them. Raises `StoreUnavailable`."""
        configured = rows(self._settings, self._registry.provider_name)
        known = {one.name for one in self._registry.describe()}
        if unknown := sorted({row.provider for row in configured if row.provider} - known):
            log.warning("budgets.unknown_provider", providers=unknown, hint="no call counts towards these")
        if self._settings.config_file is not None:
            await self.store.sync(configured, self._settings.config_file, self.zone)
        await self.refresh()

    async def refresh(self) -> int:
        """Read the budgets again where they have changed; returns the database's time in microseconds."""
        loaded = await self.store.load(self.book.version)
        for budget in self.book.load(loaded):
            self.purse.retire(budget.id)
        return loaded.now

    async def sweep(self) -> None:
        """Return what processes of this place left behind that are gone, journal and all."""
        await self.purse.sweep()

    async def close(self) -> None:
        """Return what is not used."""
        await self.purse.close()

    def of(self, call: Call, target: Target) -> Concerned:
        """The budgets that a call of a model counts towards."""
        key_id = call.key.id if call.key is not None else None
        return self.book.of(target.provider.name, call.tenant, key_id)

    def draw(
        self, budgets: Sequence[Budget], amount: int, call: Call, *, spare: int
    ) -> tuple[Draw, ...] | None:
        """Set `amount` aside at once, where this process's slices hold `spare` times as much; else None."""
        if self.purse.away is not None:
            return None
        now, leases, held = time.monotonic(), self.purse.leases, list[Lease]()
        for budget in budgets:
            lease = leases.get(budget.id)
            if lease is None or not lease.admits(amount * spare, now, call.deadline):
                return None
            held.append(lease)
        return _draw(held, amount, now)

    def have(self, budgets: Sequence[Budget], amount: int, call: Call) -> bool:
        """Whether this process's slices hold so much for the call now; of a budget without one, nothing is known."""
        now, leases = time.monotonic(), self.purse.leases
        for budget in budgets:
            lease = leases.get(budget.id)
            if lease is not None and not lease.admits(amount, now, call.deadline):
                return False
        return True

    async def reserve(self, budgets: Sequence[Budget], amount: int, call: Call) -> tuple[Draw, ...]:
        """Set `amount` nanodollars aside in each budget, until `settle`.

        Raises:
            BudgetExceeded: it does not fit one of them.
            StoreUnavailable: the database cannot be asked.
            DeadlineExceeded: the call's time is over.
        """
        if self.purse.away is not None:
            raise StoreUnavailable(
                f"No money can be set aside: {self.purse.away}",
                hint="It goes on by itself when the database is back.",
                retry_after=1.0,
            )
        while True:
            now = time.monotonic()
            leases = self.purse.leases
            held: list[Lease] = []
            for budget in budgets:
                lease = leases.get(budget.id)
                if lease is not None and lease.admits(amount, now, call.deadline):
                    held.append(lease)
                elif (denied := self.purse.denied.get(budget.id)) is not None and now < denied.until:
                    _refuse(budget, lease, denied, amount)
            if len(held) == len(budgets):
                return _draw(held, amount, now)
            call.remaining()
            fill = self.purse.fill(budgets, amount, call.deadline)
            gone = await in_time(call, fill, "money for it was set aside")
            if gone:
                await self.refresh()
                budgets = [budget for budget in budgets if budget.id not in gone]

    def settle(self, reserved: Reserved, cost: int) -> None:
        """Replace a reservation by the bill, in this process; the database follows with the attempt's record."""
        self.purse.settle(reserved.draws, cost)


def _draw(leases: list[Lease], amount: int, now: float) -> tuple[Draw, ...]:
    draws: list[Draw] = []
    for lease in leases:
        part = amount if lease.budget.enforce else 0
        lease.drawn += part
        lease.calls += 1
        lease.used = now
        draws.append(Draw(lease.id, part))
    return tuple(draws)


def _refuse(budget: Budget, lease: Lease | None, denied: Denied, amount: int) -> None:
    """Raise what the database answered a moment ago, where it would answer the same."""
    free = lease.free if lease is not None else 0
    denial = denied.denial
    if denial.closed or amount - free > denial.available:
        raise refusal(budget, denial, amount, max(0, free + denial.available))
