"""A server whose database is gone, slow, full or held by another: it refuses before it spends, and mends itself.

`./dev faults` runs the long forms.
"""

import asyncio
import os
import random
import resource
import sqlite3
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.faults.stores import rows
from tests.support.rest import Answer, Rest, client
from tests.support.script import Say
from tests.support.server import Server, config, serving
from tests.support.slow import slow_wire
from tests.support.stores import ATTEMPTS, PostgresStore
from tests.support.upstream import Upstream, upstream
from tools.postgresql import Server as Postgres
from tools.postgresql import server as postgres_server

from quorum_mcp.runs import supervisor
from quorum_mcp.store import postgres, sqlite

LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300 if LONG else 60)]
needs_postgresql = pytest.mark.needs("postgresql")
FOUR = "Two and two is four.\nCONCLUSION: 4"
AB = ["lab/a", "lab/b"]
BACK = 3.0
"""Seconds after the database is back within which everything works again."""
SLOWEST = 17.0 if LONG else 7.0
"""Seconds after which a caller is refused by a database that does not answer at all."""


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the short form, databases are waited for a fifth of the time."""
    if not LONG:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", sqlite.BUSY_SECONDS / 5)
        monkeypatch.setattr(postgres, "STATEMENT_SECONDS", postgres.STATEMENT_SECONDS / 5)
        monkeypatch.setattr(postgres, "WAIT_SECONDS", postgres.WAIT_SECONDS / 5)


@pytest.fixture(scope="module")
def own() -> Generator[Postgres, None, None]:
    """A database server that no other test uses."""
    with postgres_server() as started:
        started.create_database("main")
        yield started


@pytest.fixture
async def store(own: Postgres, tmp_path: Path) -> PostgresStore:
    return await PostgresStore(tmp_path, own, "main", f"store_{random.randrange(2**32)}").make()


@asynccontextmanager
async def quorum(home: Path, url: str | None = None) -> AsyncGenerator[tuple[Upstream, Rest], None]:
    """A server in this process, on SQLite unless `url` says otherwise, over the models a and b."""
    url = url or f"sqlite:///{home}/quorum.db"
    async with (
        upstream() as up,
        serving(home, config(up.url), QUORUM_DATABASE_URL=url, QUORUM_SECRET_KEY="s" * 64) as q,
    ):
        up.model("a", FOUR)
        up.model("b", FOUR)
        yield up, q


def refused(answer: Answer) -> None:
    """It says that the store is away, and when to come again."""
    assert (answer.status, answer.error["code"]) == (503, "store_unavailable"), answer.body
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.error["hint"]


async def works_again(q: Rest) -> None:
    """Ready and answering, soon."""
    async with asyncio.timeout(BACK):
        while (await q.get("/api/health/ready")).status != 200:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"


@needs_postgresql
async def test_health_tells_of_a_database_that_is_gone(store: PostgresStore, tmp_path: Path) -> None:
    async with quorum(tmp_path, store.url) as (up, q):
        assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
        health = await q.get("/api/health")
        assert (health["status"], health["session_manager"]) == ("healthy", "running")
        assert (await q.get("/api/health/ready")).status == 200
        await asyncio.to_thread(store.server.stop)
        await asyncio.sleep(0.6)
        asked = len(up.asked)
        health = await q.get("/api/health")
        assert (health.status, health["status"]) == (200, "unhealthy")
        assert health["session_manager"] == "waiting for the database"
        assert "cannot be used" in health["checks"]["database"]
        ready = await q.get("/api/health/ready")
        assert (ready.status, ready.body) == (503, {"status": "unavailable"})
        assert (await q.get("/api/health/live")).status == 200
        refused(await q.query("3 + 3?", AB))
        assert len(up.asked) == asked
        await asyncio.to_thread(store.server.start)
        await works_again(q)
        assert (await q.get("/api/health"))["status"] == "healthy"


@needs_postgresql
async def test_what_a_call_said_during_an_outage_is_not_paid_for_again(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner lives: when the database is back, no other server takes its run for a dead one's."""
    if not LONG:
        monkeypatch.setattr(supervisor, "STALE_SECONDS", 1.0)
        monkeypatch.setattr(supervisor, "LOOK_SECONDS", 0.5)
    async with (
        quorum(tmp_path / "one", store.url) as (up, q),
        quorum(tmp_path / "other", store.url) as (_, other),
    ):
        up.model("b", Say(FOUR, hold="b"))
        run = (await q.ask("2 + 2?", AB, wait=False))["session_id"]
        await up.until(lambda: up.count("a", outcome="finished") == 1 and up.count("b") == 1)
        await asyncio.to_thread(store.server.stop)
        up.release("b")
        await up.until(lambda: up.count("b", outcome="finished") == 1)
        await asyncio.sleep(15.0 if LONG else 2.5)
        await asyncio.to_thread(store.server.start)
        async with asyncio.timeout(BACK):
            while (await other.get(f"/api/session/{run}")).status != 200:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
        [*_, ending] = await asyncio.wait_for(other.all_events(run), 10)
        assert ending["data"]["result"]["conclusion"] == "4"
        assert (await q.session_of(run))["status"] == "completed"
        assert len(up.asked) == 2
        await recorded(store, up)


@needs_postgresql
async def test_a_failover_that_breaks_every_connection(store: PostgresStore, tmp_path: Path) -> None:
    """Under load, again and again: what is accepted ends, and each call of a model has one record."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with quorum(tmp_path, store.url) as (up, q):
        for name in "ab":
            up.model(name, Say(FOUR, latency=0.05))
        over = asyncio.Event()

        async def caller() -> list[Answer]:
            answers: list[Answer] = []
            while not over.is_set():
                answers.append(await q.query("2 + 2?", AB))
            return answers

        callers = [asyncio.create_task(caller()) for _ in range(4)]
        kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        for _ in range(60 if LONG else 6):
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            await store.execute(f"{kick} AND pid != pg_backend_pid()")
        over.set()
        answers = [answer for one in await asyncio.gather(*callers) for answer in one]
        served = [answer for answer in answers if answer.status == 200]
        for answer in answers:
            if answer.status != 200:
                refused(answer)
        print(f"{len(served)} answered, {len(answers) - len(served)} refused, {len(up.asked)} calls")
        assert len(served) > len(answers) * 0.9
        assert {answer["conclusion"] for answer in served} == {"4"}
        await recorded(store, up)


async def recorded(store: PostgresStore, up: Upstream) -> None:
    """Every request that reached the upstream has one record, and nothing else has one."""
    async with asyncio.timeout(BACK):
        while await store.rows(f"SELECT count(*) FROM {ATTEMPTS} a") != [(len(up.asked),)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await store.rows("SELECT count(*) FROM calls") == [(len(up.asked),)]


@needs_postgresql
async def test_a_slow_database_slows_callers_down_and_nothing_piles_up(
    store: PostgresStore, tmp_path: Path
) -> None:
    async with (
        slow_wire(store.server.folder / ".s.PGSQL.5432") as wire,
        quorum(tmp_path, store.url_through(wire.port)) as (up, q),
    ):
        assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
        wire.delay = 0.05
        began = time.monotonic()
        answers = await asyncio.gather(*(q.query("2 + 2?", AB) for _ in range(20)))
        print(f"20 at once: {time.monotonic() - began:.1f} s, {wire.most} connections")
        assert {answer.status for answer in answers} == {200}
        assert wire.most <= 18
        wire.delay = 0.0
        began = time.monotonic()
        await works_again(q)
        assert time.monotonic() - began < BACK
        await recorded(store, up)


@needs_postgresql
async def test_a_database_that_says_nothing_any_more_is_given_up(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wire swallows everything and closes nothing: callers are refused in time, and nothing was spent."""
    impatient(monkeypatch)
    async with (
        slow_wire(store.server.folder / ".s.PGSQL.5432") as wire,
        quorum(tmp_path, store.url_through(wire.port)) as (up, q),
    ):
        assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
        asked = len(up.asked)
        wire.dead = True
        began = time.monotonic()
        ready, *answers = await asyncio.gather(
            q.get("/api/health/ready"), *(q.query("2 + 2?", AB) for _ in range(20))
        )
        print(f"refused within {time.monotonic() - began:.1f} s")
        assert ready.status == 503
        for answer in answers:
            refused(answer)
        assert time.monotonic() - began < SLOWEST
        assert len(up.asked) == asked
        assert wire.most <= 18
        assert (await q.get("/api/health/live")).status == 200
        wire.dead = False
        async with asyncio.timeout(20):
            while (await q.get("/api/health/ready")).status != 200:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
        assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
        await recorded(store, up)


async def test_a_file_that_another_process_keeps_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a writer waits: all callers are refused together, before any call is made."""
    impatient(monkeypatch)
    async with quorum(tmp_path) as (up, q):
        assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
        asked = len(up.asked)
        with closing(sqlite3.connect(tmp_path / "quorum.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            for answer in await asyncio.gather(*(q.query("2 + 2?", AB) for _ in range(10))):
                refused(answer)
            assert time.monotonic() - began < SLOWEST
            assert (await q.get("/api/sessions")).status == 200
            other.execute("ROLLBACK")
        assert len(up.asked) == asked
        await works_again(q)
        async with asyncio.timeout(BACK):
            while len(rows(tmp_path, f"SELECT id FROM {ATTEMPTS} a")) < len(up.asked):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_disk_without_room(tmp_path: Path) -> None:
    """No file of the server grows any more: it refuses before any call is made, and goes on when there is room."""
    async with upstream() as up:
        for name in "ab":
            up.model(name, FOUR)
        server = Server(tmp_path, config(up.url))
        async with client(server.url) as q:
            with await server.started():
                assert server.process is not None
                pid = server.process.pid
                assert (await q.ask("2 + 2?", AB))["conclusion"] == "4"
                asked = len(up.asked)
                soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
                for _ in range(3):
                    refused(await q.query("2 + 2?", AB))
                assert len(up.asked) == asked
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
                await works_again(q)
                calls: dict[str, Any] = {}
                async with asyncio.timeout(BACK):
                    while len(calls := (await q.get("/api/calls"))["calls"]) < len(up.asked):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert len(calls) == len(up.asked) == asked + 2
