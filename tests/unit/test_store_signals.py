"""Followers of another process's run hear of its events at once on PostgreSQL, and see them soon on any engine."""

import asyncio
import time
from pathlib import Path

import pytest
from tests.support.stores import PostgresStore, Store, postgres_store
from tests.unit.storing import event, run

from quorum_mcp.runs.service import POLL_SECONDS
from quorum_mcp.runs.service import Runs as Service
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.postgres_signals import LISTENING_SECONDS, PAYLOAD, payloads
from quorum_mcp.store.runs import Runs

pytestmark = pytest.mark.anyio


async def follow(database: Database, run_id: str, seen: dict[int, float]) -> None:
    """When each event was seen by a process that does not run the run."""
    async for one in Service(Runs(database), EventLog(database), "two").follow(run_id, "local"):
        seen[one.seq] = time.monotonic()


@pytest.mark.timeout(20)
async def test_a_follower_elsewhere_sees_every_event_soon(store: Store) -> None:
    async with store.opened() as here, store.opened() as there:
        new = run()
        await Runs(here).create(new)
        seen: dict[int, float] = {}
        stored: dict[int, float] = {}
        following = asyncio.create_task(follow(there, new.id, seen))
        await asyncio.sleep(0.5)
        for seq in range(1, 11):
            await EventLog(here).append(new.id, 1, [event(new.id, seq)])
            stored[seq] = time.monotonic()
            await asyncio.sleep(0.06)
        await Runs(here).finish(
            new.id, 1, "completed", output="{}", total_cost=0, calls=0, simulated=False,
            events=[event(new.id, 11, "run.finished")],
        )  # fmt: skip
        stored[11] = time.monotonic()
        await following
        assert list(seen) == list(stored)
        waits = sorted(seen[seq] - stored[seq] for seq in stored)
        print([round(wait * 1000) for wait in waits])
        assert waits[5] < POLL_SECONDS / 2, "nobody told"
        assert waits[-1] < 2.0


@pytest.mark.needs("postgresql")
@pytest.mark.timeout(20)
async def test_a_lost_connection_for_signals_is_made_anew(tmp_path: Path) -> None:
    store: PostgresStore = await postgres_store(tmp_path)
    async with store.opened() as here, store.opened() as there:
        await there.signals.news("ses_1", 0, 0.01)  # listens from now on
        for seq in (1, 2):
            waiting = asyncio.create_task(there.signals.news("ses_1", seq - 1, 0.01))
            await asyncio.sleep(0.05)
            here.signals.tell("ses_1", seq)
            await asyncio.wait_for(waiting, LISTENING_SECONDS / 2)
            kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            await store.execute(f"{kick} AND pid != pg_backend_pid()")
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await there.signals.news("ses_1", seq, 0.01)  # connects again, and says: look first
            assert time.monotonic() - began < LISTENING_SECONDS / 2


@pytest.mark.needs("postgresql")
@pytest.mark.timeout(20)
async def test_a_request_wakes_the_runs_owner_only(tmp_path: Path) -> None:
    store: PostgresStore = await postgres_store(tmp_path)
    async with store.opened() as here, store.opened() as there:
        await there.signals.asked({}, 0.01)  # listens from now on
        others = asyncio.create_task(there.signals.asked({"ses_2"}, 1.0))
        own = asyncio.create_task(there.signals.asked({"ses_1", "ses_3"}, 10.0))
        await asyncio.sleep(0.05)
        here.signals.ask("ses_1")
        await asyncio.wait_for(own, 5.0)
        assert not others.done()
        await others


def test_much_news_is_told_in_pieces() -> None:
    news = [(f"ses_{n:026}", n) for n in range(1000)]
    pieces = payloads(news)
    assert all(len(piece) <= PAYLOAD for piece in pieces)
    assert len(pieces) < 6
    assert {pair for piece in pieces for pair in piece.split()} == {f"{k}:{v}" for k, v in news}
