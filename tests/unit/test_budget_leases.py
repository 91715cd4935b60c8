"""Slices of budgets in the database: whatever happens in whatever order, the sums hold. On each engine."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from msgspec import structs
from tests.support.stores import Store
from tests.unit.storing import attempt, call

from quorum_mcp.ids import new_id
from quorum_mcp.store.budgets import BudgetRow, BudgetStore, announce, budget_id
from quorum_mcp.store.call_rows import Draw
from quorum_mcp.store.database import Database
from quorum_mcp.store.leases import give_back, left_behind, reconcile, return_segment, sweep
from quorum_mcp.store.place import Place
from quorum_mcp.store.records import store_records
from quorum_mcp.store.slices import Taken, Want, take

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
MINUTE = 60_000_000
TOTAL = budget_id("total", None, None, None)


def want(budget: str = TOTAL, need: int = 1, **more: Any) -> Want:
    given = {
        "budget": budget,
        "period": "total",
        "fresh": new_id("lea"),
        "need": need,
        "life": MINUTE,
        "amount": None,
    }
    return Want(**given | more)  # fmt: skip


async def get(database: Database, *wants: Want, segment: str = "one", place: str = "here") -> Taken:
    return await database.write(lambda conn: take(conn, wants, segment, place, UTC))


async def bill(database: Database, draws: tuple[Draw, ...], cost: int | None) -> None:
    made = call()
    tried = structs.replace(attempt(made), cost=cost, draws=draws, status="ok")
    for _ in range(2):  # a record may come twice: it counts once
        await database.write(lambda conn: store_records(conn, [tried], []))


async def figures(store: Store, budget: str = TOTAL) -> tuple[int, int]:
    """What is spent, what is leased."""
    found = await store.rows(f"SELECT spent, leased FROM budget_periods WHERE budget_id = '{budget}'")
    return found[0][0], found[0][1]


async def budget(database: Database, amount: int, **more: Any) -> BudgetRow:
    row = BudgetRow(**{"id": TOTAL, "period": "total", "amount": amount} | more)
    return await BudgetStore(database).put(row, UTC)


def folder(*present: str, begins: frozenset[str] | None = None) -> Callable[[], Place]:
    """The folder of journals, with what is in it; `begins` is what is in it when it is first looked at."""
    looks = iter([] if begins is None else [begins])
    return lambda: Place("here", next(looks, frozenset(present)), frozenset())


async def test_a_slice_is_a_share_of_what_is_left_or_what_is_needed(store: Store) -> None:
    async with store.opened() as database:
        await budget(database, 1000)
        first = (await get(database, want(need=10))).grants[0]
        assert first.granted == 250
        second = (await get(database, want(need=10), segment="two")).grants[0]
        assert second.granted == 750 // 8
        greedy = (await get(database, want(need=600), segment="three")).grants[0]
        assert greedy.granted == 600
        denied = (await get(database, want(need=100), segment="four")).denials[0]
        assert (denied.available, denied.amount, denied.closed) == (1000 - 250 - 93 - 600, 1000, False)
        assert await figures(store) == (0, 250 + 93 + 600)
        more = await get(database, want(need=57, lease=first.lease, starts_at=0))
        assert more.grants[0].granted == 250 + 57
        assert await figures(store) == (0, 1000)


async def test_all_budgets_or_none(store: Store) -> None:
    async with store.opened() as database:
        await budget(database, 1000)
        small = budget_id("total", "lab", None, None)
        await budget(database, 10, id=small, provider="lab")
        taken = await get(database, want(need=50), want(small, need=50))
        assert [one.budget for one in taken.denials] == [small]
        assert await figures(store) == (0, 0)
        gone = await get(database, want(need=5), want("bud_gone", need=5))
        assert [(one.budget, one.gone) for one in gone.denials] == [("bud_gone", True)]
        # One that is no row of the table: the process knows its limit.
        own = await get(database, want("daily_limit", need=5, amount=20))
        assert own.grants[0].granted == 5


async def test_a_bill_above_its_reservation_is_booked_and_closes(store: Store) -> None:
    async with store.opened() as database:
        await budget(database, 100)
        lease = (await get(database, want(need=10))).grants[0].lease
        await bill(database, (Draw(lease, 10),), 60)
        assert await figures(store) == (60, 0)
        denied = (await get(database, want(need=1), segment="two")).denials[0]
        assert denied.closed
        await budget(database, 100)
        assert (await get(database, want(need=1), segment="two")).grants
        await bill(database, (Draw("lea_nobody_knows", 10),), 60)


async def test_a_lost_lease_is_not_renewed(store: Store) -> None:
    async with store.opened() as database:
        await budget(database, 100)
        there = (await get(database, want(need=10, life=-MINUTE), place="there")).grants[0]
        here = (await get(database, want(need=10, life=-MINUTE), segment="two")).grants[0]
        held = there.granted + here.granted
        # Here, a live journal is named; elsewhere nobody knows, until an operator says so.
        assert await database.write(lambda conn: sweep(conn, folder("two"))) == 0
        assert await figures(store) == (0, held)
        assert await database.write(lambda conn: reconcile(conn, folder("two"))) == (1, there.granted)
        assert await figures(store) == (0, here.granted)
        again = await get(database, want(need=1, lease=there.lease, starts_at=0), place="there")
        assert (again.lost, again.grants) == (frozenset({there.lease}), ())
        # A journal that turns up after all is booked.
        await bill(database, (Draw(there.lease, 10),), 7)
        assert await figures(store) == (7, here.granted)
        assert await database.write(lambda conn: sweep(conn, folder())) == 1
        assert await figures(store) == (7, 0)


async def test_a_process_that_starts_while_another_looks_keeps_its_lease(store: Store) -> None:
    """The one that sweeps may be stopped at any moment, for longer than a lease lasts."""
    async with store.opened() as database:
        await budget(database, 100)
        lease = (await get(database, want(need=10, life=-MINUTE))).grants[0]
        for look in (folder("one", begins=frozenset()), folder("one")):
            assert await database.read(lambda conn, look=look: left_behind(conn, look)) == []
        assert await database.write(lambda conn: sweep(conn, folder("one", begins=frozenset()))) == 0
        begins = folder("one", begins=frozenset())
        assert await database.write(lambda conn: reconcile(conn, begins)) == (0, 0)
        assert await figures(store) == (0, lease.granted)
        assert await database.write(lambda conn: sweep(conn, folder())) == 1


async def test_a_clock_that_is_set_back_opens_no_new_period(store: Store) -> None:
    async with store.opened() as database:
        hour = budget_id("hourly", None, None, None)
        await budget(database, 100, id=hour, period="hourly")
        await get(database, want(hour, need=100, period="hourly"))
        ((now,),) = await store.rows("SELECT max(starts_at) FROM budget_periods")
        # As if it had been some hours later until now.
        await store.execute("UPDATE budget_periods SET starts_at = ?", now + 5 * 3600 * 1_000_000)
        await store.execute("UPDATE leases SET starts_at = ?", now + 5 * 3600 * 1_000_000)
        denied = (await get(database, want(hour, need=1, period="hourly"), segment="two")).denials[0]
        assert (denied.available, denied.window.starts_at) == (0, now + 5 * 3600 * 1_000_000)
        # When the clock goes back to an hour that was, that hour's figures count.
        assert await store.rows("SELECT count(*) FROM budget_periods") == [(1,)]


async def test_only_one_announces(store: Store) -> None:
    async with store.opened() as one, store.opened() as two:
        await budget(one, 100)
        tries = [database.write(lambda conn: announce(conn, (TOTAL, 0), 80)) for database in (one, two) * 4]
        assert sorted(await asyncio.gather(*tries)) == [False] * 7 + [True]
        assert await one.write(lambda conn: announce(conn, (TOTAL, 0), 100))


async def test_any_order_of_events(store: Store) -> None:
    """Random processes that take, bill, return and die: reserved = settled + released, and never too much."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    amount, spent = 10_000, 0
    async with store.opened() as one, store.opened() as two:
        await budget(one, amount)
        leases: dict[str, tuple[str, int, list[int]]] = {}  # lease: segment, granted, draws under way
        settled: dict[str, int] = {}
        for _ in range(150):
            database = chance.choice((one, two))
            act = chance.choice(("take", "draw", "draw", "bill", "bill", "bill", "return", "die"))
            lease = chance.choice([*leases]) if leases else None
            if act == "take" or lease is None:
                held = {"lease": lease, "starts_at": 0} if lease and chance.random() < 0.7 else {}
                segment = leases[lease][0] if held and lease else new_id("seg")
                taken = await get(database, want(need=chance.randint(1, 900), **held), segment=segment)
                for grant in taken.grants:
                    draws = leases[grant.lease][2] if grant.lease in leases else []
                    leases[grant.lease] = segment, grant.granted, draws
                    settled.setdefault(grant.lease, 0)
            elif act == "draw":
                segment, granted, draws = leases[lease]
                free = granted - settled[lease] - sum(draws)
                if free > 0:
                    draws.append(chance.randint(1, free))
            elif act == "bill" and leases[lease][2]:
                drawn = leases[lease][2].pop()
                cost = drawn if chance.random() < 0.3 else chance.randint(0, drawn)
                await bill(database, (Draw(lease, drawn),), cost)
                settled[lease] += cost
                spent += cost
            elif act == "return":
                segment, _, draws = leases[lease]
                keep = settled[lease] + sum(draws)
                gone = await database.write(
                    lambda conn, lease=lease, keep=keep, draws=draws: give_back(
                        conn, {lease: (keep, not draws)}
                    )
                )
                assert gone == (set() if draws else {lease})
                leases[lease] = segment, keep, draws
                if gone:
                    del leases[lease]
            elif act == "die":
                segment = leases[lease][0]
                for mine in [name for name, kept in leases.items() if kept[0] == segment]:
                    for drawn in leases.pop(mine)[2]:  # not known how it ended: as much as was set aside
                        await bill(database, (Draw(mine, drawn),), drawn)
                        spent += drawn
                await database.write(lambda conn, segment=segment: return_segment(conn, segment))
            booked, leased = await figures(store)
            assert booked == spent
            assert leased == sum(granted - settled[name] for name, (_, granted, _) in leases.items())
            assert booked + leased <= amount
