"""PostgreSQL stopped and started in the middle of work: what cannot be stored is refused, nothing lost or doubled.

`./dev faults` runs the long forms.
"""

import asyncio
import os
import random
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from msgspec import structs
from tests.support.rest import client
from tests.support.script import Say
from tests.support.server import Server as QuorumServer
from tests.support.server import config
from tests.support.stores import ATTEMPTS, PostgresStore
from tests.support.upstream import upstream
from tests.unit.storing import alone, attempt, call, event, run
from tools.postgresql import Server, server

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.call_rows import first_attempt
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.runs import Runs

LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
OUTAGES = 10 if LONG else 2
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.needs("postgresql"),
    pytest.mark.timeout(600 if LONG else 60),
]
BACK = 2.0
"""Seconds after the server is back within which everything works again."""


@pytest.fixture(scope="module")
def own() -> Generator[Server, None, None]:
    """A server that no other test uses."""
    with server() as started:
        started.create_database("main")
        yield started


@pytest.fixture
async def store(own: Server, tmp_path: Path) -> PostgresStore:
    if own.pid() is None:
        own.start()
    return await PostgresStore(tmp_path, own, "main", f"store_{random.randrange(2**32)}").make()


@dataclass
class Work:
    """What was asked of the database, and what it said."""

    stored: list[tuple[str, int]] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)
    unknown: list[tuple[str, int]] = field(default_factory=list)
    noted: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    stop: bool = False

    async def append(self, database: Database) -> None:
        """Append events to a run of its own, one after the other, until told to stop."""
        new = run()
        await Runs(database).create(new)
        seq = 0
        while not self.stop:
            seq += 1
            began = time.monotonic()
            try:
                await EventLog(database).append(new.id, 1, [event(new.id, seq)])
                self.stored.append((new.id, seq))
            except StoreUnavailable as error:
                known = "not known" not in str(error)
                (self.refused if known else self.unknown).append((new.id, seq))
                if known:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.001)

    async def call(self, journal: Journal) -> None:
        """Note calls of models, one after the other, until told to stop."""
        while not self.stop:
            new = call(status="unknown")
            one = attempt(new, id=first_attempt(new.id))
            journal.sent(one, new)
            await asyncio.sleep(0.004)
            if len(self.noted) % 2:
                journal.called(alone(new, cost=7))
            else:
                journal.done(
                    structs.replace(one, status="ok", cost=7), structs.replace(new, status="ok", attempts=1)
                )
            self.noted[one.id] = new.id


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_an_outage_refuses_writes_and_loses_and_doubles_nothing(
    store: PostgresStore, mode: Literal["fast", "immediate"]
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    database = await Database.open(store.url)
    journal = await Journal.open(store.folder / "journal", database)
    work = Work()
    # More than there are connections: of those that are just writing, nobody may know for a while how it ended.
    tasks = [asyncio.create_task(work.append(database)) for _ in range(20)]
    tasks += [asyncio.create_task(work.call(journal)) for _ in range(4)]
    for _ in range(OUTAGES):
        await asyncio.sleep(source.uniform(0.2, 0.6))
        before = len(work.stored), len(work.refused), len(work.noted)
        await asyncio.to_thread(store.server.stop, mode)
        await asyncio.sleep(source.uniform(0.3, 1.2))
        assert journal.waiting > 0
        assert len(work.refused) > before[1]
        assert len(work.noted) > before[2], "calls stopped with the database"
        await asyncio.to_thread(store.server.start)
        stored = len(work.stored)
        async with asyncio.timeout(BACK):
            while len(work.stored) < stored + 20:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
    work.stop = True
    await asyncio.gather(*tasks)
    await journal.flush()
    print(f"{len(work.stored)} appended, {len(work.refused)} refused, {len(work.unknown)} unknown,"
          f" {len(work.noted)} calls, slowest refusal {work.slowest:.2f} s")  # fmt: skip
    found = await store.rows("SELECT run_id, seq FROM events")
    assert len(found) == len(set(found))
    assert set(work.stored) <= set(found) <= set(work.stored) | set(work.unknown)
    calls = await store.rows(f"SELECT a.id, a.call_id, a.status, a.cost, c.status FROM {ATTEMPTS} a"
                             " JOIN calls c ON c.id = a.call_id")  # fmt: skip
    assert sorted(calls) == sorted((one, of, "ok", 7, "ok") for one, of in work.noted.items())
    assert await store.rows("SELECT count(*) FROM calls") == [(len(work.noted),)]
    assert work.slowest < 1.0
    await journal.close()
    await database.close()
    assert list((store.folder / "journal").iterdir()) == []


async def test_records_of_a_process_that_ends_during_an_outage_are_stored_by_the_next(
    store: PostgresStore,
) -> None:
    database = await Database.open(store.url)
    journal = await Journal.open(store.folder / "journal", database)
    await asyncio.to_thread(store.server.stop)
    work = Work()
    tasks = [asyncio.create_task(work.call(journal)) for _ in range(4)]
    await asyncio.sleep(0.3)
    work.stop = True
    await asyncio.gather(*tasks)
    await journal.close()
    await database.close()
    [kept] = (store.folder / "journal").iterdir()
    assert kept.suffix == ".journal"
    await asyncio.to_thread(store.server.start)
    async with store.opened() as again:
        await (await Journal.open(store.folder / "journal", again)).close()
    assert sorted(await store.rows(f"SELECT id, call_id FROM {ATTEMPTS} a")) == sorted(work.noted.items())
    assert list((store.folder / "journal").iterdir()) == []


async def test_a_server_answers_503_during_an_outage_and_its_runs_go_on(
    store: PostgresStore, tmp_path: Path
) -> None:
    env = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": "s" * 64}
    async with upstream() as up:
        up.model("a", Say("Four.\nCONCLUSION: 4", hold="a"))
        up.model("b", "Four.\nCONCLUSION: 4")
        quorum = QuorumServer(tmp_path, config(up.url), **env)
        async with client(quorum.url) as q:
            with await quorum.started():
                run_id = (await q.ask("What is 2 + 2?", ["lab/a", "lab/b"], wait=False))["session_id"]
                await up.until(lambda: up.count("b", outcome="finished") == 1)
                await asyncio.to_thread(store.server.stop)
                refused = await q.query("And 3 + 3?", ["lab/b"])
                assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
                assert int(refused.headers["retry-after"]) >= 1
                asked = len(up.asked)
                up.release("a")
                await asyncio.sleep(1.0)
                await asyncio.to_thread(store.server.start)
                async with asyncio.timeout(BACK):
                    while (await q.get(f"/api/session/{run_id}")).status != 200:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                events = await asyncio.wait_for(q.all_events(run_id), 15)
                assert events[-1]["type"] == "run.finished"
                assert events[-1]["data"]["result"]["conclusion"] == "4"
                assert (await q.ask("And 3 + 3?", ["lab/b"]))["status"] == "completed"
                assert len(up.asked) == asked + 1
                async with asyncio.timeout(BACK):  # records follow their calls in batches
                    while len(stored := await store.rows("SELECT status FROM calls")) < len(up.asked):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert stored == [("ok",)] * len(up.asked)
                assert "Traceback" not in quorum.log()
