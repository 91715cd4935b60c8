"""The slices of budgets that this process holds: taken, settled, returned."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import tzinfo

import structlog

from quorum_mcp.calls.budgets import lease as leasing
from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.budgets.lease import Denied, Lease
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.ids import new_id
from quorum_mcp.store.call_rows import Draw
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.leases import give_back, left_behind, reconcile, return_segment, sweep
from quorum_mcp.store.slices import Taken, Want, take

log = structlog.get_logger()

IDLE_SECONDS = 1.0
"""After which what is not drawn of a slice returns."""


TOUCHED_SECONDS = 2.0
"""For which a period counts as changed after a bill."""


class Purse:
    """Holds the leases. Transactions about them come one after the other; draws need none."""

    def __init__(self, database: Database, journal: Journal, zone: tzinfo) -> None:
        self.leases: dict[str, Lease] = {}
        """By budget: where calls are drawn from."""
        self.denied: dict[str, Denied] = {}
        """By budget: what was not to be had a moment ago."""
        self.away: str | None = None
        """Why the database could not be asked a moment ago. Then nothing is drawn, not even what is here."""
        self._left: dict[tuple[str, int], float] = {}
        """Periods of leases that are not here any more, and when they were last used."""
        self._booked = 0.0
        """Until when, on the monotonic clock, the database has all that was settled."""
        self._all: dict[str, Lease] = {}
        self._doubtful: set[str] = set()
        self._filling: set[asyncio.Task[frozenset[str]]] = set()
        self._closed = False
        self._database = database
        self._journal = journal
        self._place: str | None = None
        self._zone = zone
        self._turn = asyncio.Lock()

    def settle(self, draws: Sequence[Draw], cost: int) -> None:
        """Replace what was drawn by what was billed."""
        now = time.monotonic()
        for draw in draws:
            lease = self._all.get(draw.lease)
            if lease is None:
                continue
            lease.drawn -= draw.amount
            lease.calls -= 1
            lease.settled += cost
            lease.used = now
            if cost > draw.amount > 0 and lease.budget.stored:
                lease.open = False  # the database closes the period, once it has the record

    def touched(self) -> list[tuple[str, int]]:
        """The periods that leases were used of, for as long as the database may not have all that was settled."""
        found = {lease.period: None for lease in self._all.values() if lease.used > self._booked}
        found |= dict.fromkeys(self._left)
        if not self._journal.waiting:
            self._booked = time.monotonic() - TOUCHED_SECONDS
            self._left = {period: at for period, at in self._left.items() if at > self._booked}
        return list(found)

    async def fill(self, budgets: Sequence[Budget], amount: int, deadline: float) -> frozenset[str]:
        """Take what is missing for a call; what is denied is in `denied` then. Returns budgets that are gone.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        # A task of its own: what it takes must be noted even if the call is cancelled meanwhile.
        task = asyncio.create_task(self._fill(budgets, amount, deadline))
        self._filling.add(task)
        task.add_done_callback(self._filled)
        return await asyncio.shield(task)

    def _filled(self, task: "asyncio.Task[frozenset[str]]") -> None:
        self._filling.discard(task)
        if not task.cancelled():
            task.exception()  # of one that nobody waits for any more

    async def _fill(self, budgets: Sequence[Budget], amount: int, deadline: float) -> frozenset[str]:
        async with self._turn:
            if self._closed:
                raise StoreUnavailable("This process is about to end.", retry_after=1.0)
            asked = time.monotonic()
            seconds = leasing.life(deadline, asked)
            wants = self._wants(budgets, amount, deadline, asked, int(seconds * 1e6))
            if not wants:
                return frozenset()
            if self._place is None:
                self._place = (await asyncio.to_thread(self._journal.place)).id
            segment, place, zone = self._journal.segment, self._place, self._zone
            self._journal.owes = True
            try:
                taken = await self._database.write(lambda conn: take(conn, wants, segment, place, zone))
            except StoreUnavailable:
                self._doubtful.update(want.fresh for want in wants)
                raise
            by_id = {budget.id: budget for budget in budgets}
            return self._note(taken, by_id, asked, seconds)

    def retire(self, budget: str) -> None:
        """Draw no more from the lease of a budget, which has changed or is gone; what is left of it returns."""
        self.denied.pop(budget, None)
        lease = self.leases.pop(budget, None)
        if lease is not None:
            lease.open = False

    async def give_back(self, *, idle_for: float = IDLE_SECONDS) -> None:
        """Return what has not been drawn for that many seconds, and all of the leases that are retired.

        Raises:
            StoreUnavailable: the database cannot be written; what is returned is tried again.
        """
        async with self._turn:
            before = time.monotonic() - idle_for
            idle = [lease for lease in self._all.values() if self._is_idle(lease, before)]
            if not idle and not self._doubtful:
                return
            kept: dict[str, tuple[int, bool]] = {}
            for doubtful in self._doubtful:
                kept[doubtful] = 0, True
            for lease in idle:
                lease.open = False
                lease.granted = lease.settled + lease.drawn
                kept[lease.id] = lease.granted, lease.calls == 0
            gone = await self._database.write(lambda conn: give_back(conn, kept))
            self._doubtful -= gone
            for lease in idle:
                if lease.id in gone:
                    self._forget(lease)
                elif self.leases.get(lease.budget.id) is lease:
                    lease.open = True

    async def settle_up(self) -> None:
        """Bring the database up to date: what is billed is stored, what is not drawn returns.

        Raises:
            StoreUnavailable: the database cannot be written.
        """
        await self._journal.flush()
        await self.give_back(idle_for=0.0)

    async def sweep(self) -> None:
        """Return expired leases whose journal was in our folder and is gone. Raises `StoreUnavailable`."""
        look = self._journal.place
        if await self._database.read(lambda conn: left_behind(conn, look)):
            await self._database.write(lambda conn: sweep(conn, look))

    async def reconcile(self) -> tuple[int, int]:
        """Return expired leases whose journal is not here: how many, and nanodollars. Raises `StoreUnavailable`."""
        return await self._database.write(lambda conn: reconcile(conn, self._journal.place))

    async def close(self) -> None:
        """Return everything; what cannot be returned now is, when the next process stores this one's journal."""
        self._closed = True
        if self._filling:
            await asyncio.wait(self._filling)
        for lease in self._all.values():
            lease.open = False
        try:
            while self._journal.waiting:  # what ends meanwhile has to be booked before its lease returns
                await self._journal.flush()
            if all(lease.calls == 0 for lease in self._all.values()):
                segment = self._journal.segment
                await self._database.write(lambda conn: return_segment(conn, segment))
                self._journal.owes = False
        except StoreUnavailable as error:
            log.warning("budgets.not_returned", error=str(error))

    def _wants(
        self, budgets: Iterable[Budget], amount: int, deadline: float, now: float, life: int
    ) -> list[Want]:
        wants: list[Want] = []
        for budget in budgets:
            lease = self.leases.get(budget.id)
            if lease is not None and lease.admits(amount, now, deadline):
                continue
            if lease is not None and now >= lease.ends:
                self.retire(budget.id)
                lease = None
            free = lease.free if lease is not None else 0
            wants.append(
                Want(
                    budget=budget.id,
                    period=budget.period,
                    fresh=new_id("lea"),
                    lease=lease.id if lease is not None else None,
                    starts_at=lease.starts_at if lease is not None else None,
                    need=max(0, amount - free) if budget.enforce else 0,
                    life=life,
                    amount=None if budget.stored else budget.amount,
                )
            )
        return wants

    def _note(self, taken: Taken, budgets: dict[str, Budget], asked: float, seconds: float) -> frozenset[str]:
        clock = taken.now / 1e6 - asked
        for lost in taken.lost:
            lease = self._all.pop(lost)
            self._left[lease.period] = lease.used
            self.leases.pop(lease.budget.id, None)
        for grant in taken.grants:
            lease = self._all.get(grant.lease)
            if lease is None:
                self.retire(grant.budget)
                lease = leasing.leased(grant, budgets[grant.budget], asked, seconds, clock)
                self._all[lease.id] = self.leases[grant.budget] = lease
            else:
                leasing.renewed(lease, grant, asked, seconds, clock)
            lease.open = True
            self.denied.pop(grant.budget, None)
        for denial in taken.denials:
            if not denial.gone:
                self.denied[denial.budget] = Denied.now(denial)
        return frozenset(denial.budget for denial in taken.denials if denial.gone)

    def _is_idle(self, lease: Lease, before: float) -> bool:
        if self.leases.get(lease.budget.id) is lease and lease.used > before:
            return False
        return lease.free != 0 or lease.calls == 0

    def _forget(self, lease: Lease) -> None:
        self._all.pop(lease.id, None)
        self._left[lease.period] = lease.used
        if self.leases.get(lease.budget.id) is lease:
            del self.leases[lease.budget.id]
