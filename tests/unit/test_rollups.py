"""Figures are added up with the rows they are about: once each, by any number of writers, and kept when folded."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.stores import Store
from tests.unit.storing import attempt, call

from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import FIGURES, Figures, Slots, Sums
from quorum_mcp.store.folding import DAY, HOUR, fold
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.records import store_records
from quorum_mcp.store.rollups import SLOT, generation_ms

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
KEYS = ("tenant", "key_id", "provider", "model")


def some_call(chance: random.Random, **fields: Any) -> CallRecord:
    """A call as it may end, in one of many groups."""
    status = chance.choice(("ok", "ok", "ok", "error", "cancelled", "unknown"))
    given: dict[str, Any] = {
        "tenant": chance.choice(("local", "org_1")),
        "key_id": chance.choice((None, "key_1", "key_2")),
        "provider": chance.choice(("lab", "other")),
        "model": chance.choice(("alpha", "beta/β", "gamma")),
        "status": status,
        "error_code": chance.choice(("provider_unavailable", "rate_limited")) if status == "error" else None,
        "attempts": chance.choice((0, 1, 1, 2)),
        "input_tokens": chance.randrange(5000),
        "output_tokens": chance.randrange(900),
        "cost": chance.choice((None, chance.randrange(10**12))),
        "latency_ms": chance.choice((None, chance.randrange(60_000))),
        "first_token_ms": chance.choice((None, 0, 7)),
        "simulated": chance.random() < 0.1,
    }
    return call(**given | fields)


def expected(calls: Sequence[CallRecord]) -> dict[tuple[Any, ...], Sums]:
    """The sums by definition, a call at a time."""
    found: dict[tuple[Any, ...], Sums] = {}
    for one in calls:
        if one.simulated:
            continue
        timed = one.status == "ok" and one.attempts > 0
        generated = (generation_ms(one) if timed else None) or 0
        sums = Sums(
            calls=1,
            cached=int(one.status == "ok" and one.attempts == 0),
            ok=int(one.status == "ok"),
            failed=int(one.status == "error"),
            faults=int(one.error_code == "provider_unavailable"),
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens,
            cost=one.cost or 0,
            priced=int(one.cost is not None),
            priced_tokens=0 if one.cost is None else one.input_tokens + one.output_tokens,
            latency_ms=(one.latency_ms or 0) if timed else 0,
            generated_tokens=one.output_tokens if generated else 0,
            generation_ms=generated,
        )
        key = (one.tenant, one.key_id or "", one.provider, one.model)
        found[key] = found.get(key, Sums()) + sums
    return found


async def store_all(database: Database, batches: Sequence[Sequence[CallRecord]]) -> None:
    await asyncio.gather(
        *(database.write(lambda conn, batch=batch: store_records(conn, [], batch)) for batch in batches)
    )


async def test_every_new_row_counts_once_whoever_stores_it(store: Store) -> None:
    """Batches overlap, come twice, and are stored at the same time through two handles of the database."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    calls = [some_call(chance, created_at=now_us() - chance.randrange(2 * HOUR)) for _ in range(400)]
    batches = [chance.sample(calls, 60) for _ in range(14)] + [calls[n : n + 100] for n in range(0, 400, 100)]
    batches[0] = batches[0] + batches[0][:5]  # and twice within one
    async with store.opened() as one, store.opened() as other:
        await asyncio.gather(store_all(one, batches[::2]), store_all(other, batches[1::2]))
        found = await Figures(one).sums(Slots(), KEYS)
    assert found == expected(calls), f"seed {seed}"
    assert await store.rows("SELECT count(*) FROM calls") == [(400,)]


async def test_what_a_dead_process_left_counts_too(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        finished, begun = call(attempts=1, cost=7, latency_ms=900, status="ok"), call(status="unknown")
        for one in (finished, begun):
            journal.sent(attempt(one, cost=5), one)
        journal.done(attempt(finished, id="att_none", status="ok"), finished)
        journal._settler._task.cancel()  # noqa: SLF001 - the process dies before anything is stored
        journal._segment.close(delete=False)  # noqa: SLF001
        for _ in range(2):
            next_one = await Journal.open(store.folder / "journal", database)
            await next_one.close()
        found = await Figures(database).sums(Slots(), ("provider",))
    sums = found[("lab",)]
    assert (sums.calls, sums.ok, sums.cost, sums.latency_ms) == (2, 1, 12, 900)


async def test_folding_changes_no_sum(store: Store) -> None:
    """Months of calls become hours and days; a second process that folds at the same time does no harm."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    now = now_us()
    ages = (HOUR, 5 * HOUR, DAY, 9 * DAY, 130 * DAY)
    calls = [
        some_call(chance, created_at=now - chance.choice(ages) - chance.randrange(HOUR)) for _ in range(300)
    ]
    async with store.opened() as database, store.opened() as other:
        await store_all(database, [calls[:150], calls[150:]])
        before = await everything(database)
        folding = asyncio.gather(*(fold(one, now) for one in (database, other)))
        late = [some_call(chance, created_at=now - 9 * DAY - chance.randrange(HOUR)) for _ in range(50)]
        await store_all(database, [late[:25], late[25:]])
        assert [clean for _, clean in await folding] == [True, True]
        await fold(database, now)
        after = await everything(database)
        assert await fold(database, now) == (0, True)
    assert after[0] == expected([*calls, *late]), f"seed {seed}"
    assert before[0] == expected(calls)
    old = await store.rows(f"SELECT starts_at FROM histograms WHERE starts_at < {now - 10 * DAY}")
    assert {starts_at % DAY for (starts_at,) in old} == {0}
    old = await store.rows(f"SELECT starts_at FROM rollups WHERE starts_at < {now - 3 * HOUR}")
    assert {starts_at % (HOUR // 4) for (starts_at,) in old} == {0}


async def everything(database: Database) -> tuple[Any, Any]:
    figures = Figures(database)
    return await figures.sums(Slots(), KEYS), await figures.histograms(Slots(), "latency")


async def test_slots_begin_where_they_should(store: Store) -> None:
    async with store.opened() as database:
        at = 1_000 * SLOT
        await store_all(
            database, [[call(created_at=at - 1), call(created_at=at), call(created_at=at + SLOT - 1)]]
        )
        figures = Figures(database)
        assert (await figures.sums(Slots(since=at), ()))[()].calls == 2
        assert (await figures.sums(Slots(until=at), ()))[()].calls == 1
        assert await figures.sums(Slots(since=at + SLOT), ()) == {}
        assert await figures.sums(Slots(tenant="nobody"), ("model",)) == {}
    assert set(FIGURES) <= set(Sums.__struct_fields__)
