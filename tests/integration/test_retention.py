"""Old records go, whoever else deletes at the same time; figures, budgets and what is not finished stay."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.support.keys import eventually
from tests.support.server import config, serving
from tests.support.stores import Store
from tests.unit.storing import attempt, call, event, run

from quorum_mcp.store import retention
from quorum_mcp.store.alerts import Alert, Outbox
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import budget_periods
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.figures import Figures, Slots
from quorum_mcp.store.files import Files
from quorum_mcp.store.folding import DAY
from quorum_mcp.store.records import store_records
from quorum_mcp.store.retention import forget
from quorum_mcp.store.run_rows import Key
from quorum_mcp.store.runs import Runs

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


async def ended(database: Database, key: str | None = None) -> str:
    """A session that has ended, with an event, and the idempotency key that it came with."""
    runs = Runs(database)
    made = await runs.create(run(), key=None if key is None else Key(key, "hash"))
    await EventLog(database).append(made.run_id, 1, [event(made.run_id, 1)])
    await runs.finish(
        made.run_id, 1, "completed", output="{}", total_cost=1, calls=1, simulated=False, events=[]
    )
    return made.run_id


async def count(store: Store, table: str) -> int:
    return (await store.rows(f"SELECT count(*) FROM {table}"))[0][0]


async def put_calls(database: Database, number: int, at: int) -> None:
    calls = [call(created_at=at + n, attempts=1, cost=5, latency_ms=9) for n in range(number)]
    tries = [attempt(one, n=n) for one in calls for n in (1, 2)]
    await database.write(lambda conn: store_records(conn, tries, calls))


async def test_old_calls_go_and_their_figures_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, by two processes at a time, some of them hit the other's rows; a second run finds nothing."""
    monkeypatch.setattr(retention, "BATCH", 40)
    now = now_us()
    async with store.opened() as database, store.opened() as other:
        await put_calls(database, 130, now - 100 * DAY)
        await put_calls(database, 7, now - 80 * DAY)
        figures = Figures(database)
        before = await figures.sums(Slots(), ("model",)), await figures.histograms(Slots(), "latency")
        for _ in range(2):  # each stops at what the other one is about to delete; the next time it is gone
            done = await asyncio.gather(*(forget(one, now - 90 * DAY) for one in (database, other)))
        assert all(clean for _, clean in done)
        assert (await count(store, "calls"), await count(store, "attempts")) == (7, 14)
        assert await forget(database, now - 90 * DAY) == (0, True)
        assert before == (
            await figures.sums(Slots(), ("model",)),
            await figures.histograms(Slots(), "latency"),
        )


async def test_time_that_is_over_ends_it_early(store: Store) -> None:
    async with store.opened() as database:
        await put_calls(database, 3, 0)
        assert await forget(database, now_us(), end=0.0) == (0, False)
        assert await count(store, "calls") == 3


async def test_sessions_go_when_nothing_happens_in_them_any_more(store: Store) -> None:
    now = now_us()
    limit, old = now - 90 * DAY, now - 100 * DAY
    async with store.opened() as database:
        gone = await ended(database, "k1")
        lively, fresh = await ended(database), await ended(database, "k2")
        still_open = (await Runs(database).create(run())).run_id
        await store.execute("UPDATE idempotency_keys SET created_at = ?", old)
        await store.execute("UPDATE runs SET created_at = ? WHERE id <> ?", old, fresh)
        await store.execute("UPDATE runs SET updated_at = ? WHERE id <> ? AND id <> ?", old, lively, fresh)
        assert (await forget(database, limit))[0] == 2
    kept = {lively, fresh, still_open}
    assert {row[0] for row in await store.rows("SELECT id FROM runs")} == kept
    assert gone not in {row[0] for row in await store.rows("SELECT run_id FROM events")}
    assert await count(store, "events") == 2
    assert await store.rows("SELECT key FROM idempotency_keys") == [("k2",)]


async def test_files_and_alerts_go_and_what_was_spent_stays(store: Store) -> None:
    now = now_us()
    period = {"budget_id": "b", "starts_at": 0, "spent": 7, "leased": 0, "closed": False, "alerted": 0}
    async with store.opened() as database:
        await Files(database).add(tenant="local", name="a.txt", media_type="text/plain", content=b"a")
        for at in (now - 100 * DAY, now):
            alert = Alert(kind="budget", subject="b", message="m", at=at)
            await database.write(lambda conn, alert=alert: Outbox().put(conn, alert))
        await database.write(lambda conn: conn.execute(insert(budget_periods), period) and None)
        await store.execute("UPDATE files SET created_at = ?", now - 100 * DAY)
        assert await forget(database, now - 90 * DAY) == (2, True)
    assert [await count(store, table) for table in ("files", "alerts", "budget_periods")] == [0, 1, 1]


async def test_a_server_does_it_by_itself(tmp_path: Path, store: Store) -> None:
    async with store.opened() as database:
        await put_calls(database, 3, now_us() - 3 * DAY)
        await put_calls(database, 2, now_us())
    on = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": "s" * 64}
    kept = config("http://127.0.0.1:9/v1") | {"records": {"retention_days": 2}}
    async with serving(tmp_path / "home", kept, **on) as q:

        async def clean() -> bool:
            return await count(store, "calls") == 2

        await eventually(clean, 10)
        assert (await q.get("/api/usage"))["total"]["requests"] == 5
        assert len((await q.get("/api/calls"))["calls"]) == 2
