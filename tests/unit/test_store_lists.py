"""Lists in pages: every row once, in order, whatever is added meanwhile; filters and search that mean what they say."""

import random

import pytest
from tests.support.stores import Store
from tests.unit.storing import attempt, call, run

from quorum_mcp.errors import InvalidInput
from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.database import Database
from quorum_mcp.store.page import decode_cursor, encode_cursor
from quorum_mcp.store.records import CallFilter, Records, store_records
from quorum_mcp.store.run_list import RunFilter, RunList
from quorum_mcp.store.run_rows import Summary
from quorum_mcp.store.runs import Runs

pytestmark = pytest.mark.anyio


async def all_pages(database: Database, where: RunFilter, limit: int) -> list[Summary]:
    found: list[Summary] = []
    cursor = None
    while True:
        page = await RunList(database).page(where, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += page.items
        if (cursor := page.next) is None:
            return found
        assert len(page.items) == limit


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 21, 500])
async def test_pages_hold_every_row_once_in_order(store: Store, limit: int) -> None:
    async with store.opened() as database:
        ids = {(await Runs(database).create(run())).run_id for _ in range(20)}
        await store.execute("UPDATE runs SET created_at = created_at % ?", 4)
        found = await all_pages(database, RunFilter(), limit)
        assert [(one.created_at, one.id) for one in found] == sorted(
            ((one.created_at, one.id) for one in found), reverse=True
        )
        assert len(found) == 20
        assert {one.id for one in found} == ids


async def test_new_rows_shift_no_page(store: Store) -> None:
    async with store.opened() as database:
        old = [(await Runs(database).create(run())).run_id for _ in range(6)]
        first = await RunList(database).page(RunFilter(), limit=3)
        await Runs(database).create(run())
        second = await RunList(database).page(RunFilter(), limit=3, cursor=first.next)
        assert [one.id for one in first.items + second.items] == old[::-1]


async def test_filters_narrow(store: Store) -> None:
    async with store.opened() as database:
        runs, lists = Runs(database), RunList(database)
        mine, other = run(), run(tenant="other", kind="job")
        for new in (mine, other):
            await runs.create(new)
        await runs.finish(mine.id, 1, "completed", output="{}", total_cost=1, calls=1, simulated=True)
        [summary] = (await lists.page(RunFilter(tenant="local"))).items
        assert (summary.id, summary.simulated, summary.total_cost) == (mine.id, True, 1)
        for where, expected in (
            (RunFilter(), [other.id, mine.id]),
            (RunFilter(status="completed"), [mine.id]),
            (RunFilter(status="queued"), []),
            (RunFilter(kind="job"), [other.id]),
            (RunFilter(since=summary.created_at), [other.id, mine.id]),
            (RunFilter(since=summary.created_at + 1), [other.id]),
            (RunFilter(until=summary.created_at + 1), [mine.id]),
        ):
            assert [one.id for one in (await lists.page(where)).items] == expected, where
        assert await lists.counts("other") == {"running": 1}


async def test_a_search_ignores_case_in_any_script_and_takes_signs_literally(store: Store) -> None:
    async with store.opened() as database:
        questions = {
            "a": "Was kostet 100% ÖL?",
            "b": "STRASSE oder Straße?",
            "c": "snake_case",
            "d": "snakeXcase",
        }
        for key, question in questions.items():
            await Runs(database).create(run(id=f"ses_{key}", question=question))
        for q, expected in (
            ("öl", {"a"}),
            ("100%", {"a"}),
            ("1%", set()),
            ("straße ODER", {"b"}),
            ("snake_", {"c"}),
            ("SNAKE", {"c", "d"}),
            ("'; DROP TABLE runs; --", set()),
            ("\\", set()),
        ):
            found = await RunList(database).page(RunFilter(q=q))
            assert {one.id.removeprefix("ses_") for one in found.items} == expected, q


@pytest.mark.parametrize("cursor", ["", "?", "AAAA", "ä", "bm90IGpzb24", encode_cursor(1, "x")[:-2] + "!!"])
async def test_a_bad_cursor_is_refused(store: Store, cursor: str) -> None:
    async with store.opened() as database:
        with pytest.raises(InvalidInput, match="cursor"):
            await RunList(database).page(RunFilter(), cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_out_of_range_is_refused(store: Store, limit: int) -> None:
    async with store.opened() as database:
        with pytest.raises(InvalidInput, match="limit"):
            await RunList(database).page(RunFilter(), limit=limit)


def test_a_cursor_is_read_as_it_was_written() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    for _ in range(200):
        row = (
            source.randrange(2**62),
            "".join(chr(source.randrange(32, 0x2FFF)) for _ in range(source.randrange(30))),
        )
        assert decode_cursor(encode_cursor(*row)) == row


async def keep(database: Database, *calls: CallRecord) -> None:
    await database.write(lambda conn: store_records(conn, [], calls))


async def test_a_call_comes_back_whole_with_its_attempts(store: Store) -> None:
    async with store.opened() as database:
        one = call(
            run_id="ses_1", role="judge", surface="rest", stop="stop", input_tokens=3, output_tokens=4,
            cached_tokens=1, cache_write_tokens=1, reasoning_tokens=2, estimated=True, cost=2**40, attempts=2,
            price_source="table of 2026-11-01", latency_ms=12, first_token_ms=3, tags=("a", "ü"),
            trace=("breaker closed", "waited 3 ms"), prompt="[]", answer="4", finished_at=5,
        )  # fmt: skip
        tries = [
            attempt(one, n=2, status="ok"),
            attempt(one, n=1, status="error", error_code="provider_timeout"),
        ]
        for _ in range(2):
            await database.write(lambda conn: store_records(conn, tries, [one]))
        assert await Records(database).get(one.id) == (one, tries[::-1])
        assert await Records(database).get(one.id, tenant="other") is None
        [listed] = (await Records(database).page(CallFilter(run_id="ses_1"))).items
        assert (listed.prompt, listed.answer, listed.trace) == (None, None, one.trace)


async def test_calls_are_filtered_and_paged(store: Store) -> None:
    async with store.opened() as database:
        calls = [
            call(id=f"call_{n:02}", created_at=n // 2, provider="a" if n % 3 else "b", model=f"m{n % 2}")
            for n in range(12)
        ]
        calls += [call(id="call_x", created_at=100, tenant="other", status="error", simulated=True)]
        await keep(database, *calls)
        records = Records(database)
        first = await records.page(CallFilter(tenant="local", provider="a"), limit=5)
        second = await records.page(CallFilter(tenant="local", provider="a"), limit=5, cursor=first.next)
        assert [one.id for one in first.items + second.items] == [
            f"call_{n:02}" for n in range(11, -1, -1) if n % 3
        ]
        assert second.next is None
        for where, count in (
            (CallFilter(model="m1"), 6),
            (CallFilter(status="error"), 1),
            (CallFilter(simulated=False), 12),
            (CallFilter(since=3, until=5), 4),
            (CallFilter(run_id="none"), 0),
        ):
            assert len((await records.page(where)).items) == count, where


async def test_a_providers_latency_is_the_mean_of_its_last_hundred_successes_and_failures(
    store: Store,
) -> None:
    async with store.opened() as database:
        old = [call(created_at=n, latency_ms=9_999) for n in range(50)]
        recent = [call(created_at=100 + n, latency_ms=n) for n in range(90)]
        failed = [call(created_at=300 + n, latency_ms=1, status="error") for n in range(10)]
        ignored = [call(created_at=400, latency_ms=5, status="cancelled")]
        await keep(database, *old, *recent, *failed, *ignored, call(provider="other", latency_ms=7))
        stats = await CallStats(database).providers(["lab", "other", "none"])
        assert (stats["lab"].calls, stats["lab"].failed, stats["lab"].mean_latency_ms) == (100, 10, 44.5)
        assert stats["other"].mean_latency_ms == 7
        assert (stats["none"].calls, stats["none"].mean_latency_ms) == (0, None)


async def test_totals_tell_how_many_costs_are_known(store: Store) -> None:
    async with store.opened() as database:
        await keep(
            database,
            call(input_tokens=10, output_tokens=1, cost=5, latency_ms=10),
            call(input_tokens=20, output_tokens=2, cost=None, latency_ms=20),
            call(status="error", cost=0, latency_ms=1000),
            call(simulated=True, input_tokens=1000, cost=0),
        )
        totals = await CallStats(database).totals(CallFilter(simulated=False))
        assert (totals.calls, totals.ok, totals.failed) == (3, 2, 1)
        assert (totals.input_tokens, totals.output_tokens) == (30, 3)
        assert (totals.cost, totals.priced, totals.mean_latency_ms) == (5, 2, 15)
        nothing = await CallStats(database).totals(CallFilter(provider="none"))
        assert (nothing.calls, nothing.cost, nothing.mean_latency_ms) == (0, 0, None)
