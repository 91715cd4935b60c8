"""What the store costs: CPU microseconds for each thing that a run does with it, on each engine.

Run with `python benchmarks/store.py`. The figures are user + system time of this whole process, all threads,
and beside it that of the server's processes where there is one; median of 5 rounds of 200. SQLite is a file in
a temporary folder, PostgreSQL a server of this machine on a unix socket that does not wait for the disk.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import structs

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.needs import NEEDS, found
from tools.postgresql import Server, server

from quorum_mcp.events import Event, now
from quorum_mcp.ids import new_id
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.event_log import EventLog
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.run_rows import NewRun
from quorum_mcp.store.runs import Runs

ROUNDS, EACH = 5, 200


def new_run() -> NewRun:
    return NewRun(
        id=new_id("ses"), input="{}", mode="quick_consensus", title="What?", question="What?", tenant="local",
        principal="local", owner="one",
    )  # fmt: skip


def new_call() -> tuple[AttemptRecord, CallRecord]:
    call = CallRecord(id=new_id("call"), tenant="local", provider="lab", model="alpha", created_at=now_us())
    return AttemptRecord(
        id=new_id("att"), call_id=call.id, n=1, provider="lab", model="alpha", started_at=1
    ), call


class Cpu:
    """CPU time, here and in the database's server."""

    server: Server | None = None

    def __init__(self) -> None:
        self.ended = time.process_time()
        self.there = self.server.cpu_seconds() if self.server else 0.0
        self.began = time.process_time()  # The look at the server's processes does not count.


def show(name: str, figures: list[tuple[float, float]]) -> None:
    """Print the medians of microseconds here and in the server; the first round warms up."""
    here, there = (statistics.median(column) for column in zip(*figures[1:], strict=True))
    print(f"{name:42} {here:7.1f} us" + (f" + {there:6.1f} us in the server" if Cpu.server else ""))


def each(began: Cpu, ended: Cpu, times: int = EACH) -> tuple[float, float]:
    """Microseconds for each of `times`."""
    return (ended.ended - began.began) / times * 1e6, (ended.there - began.there) / times * 1e6


async def measure(name: str, action: Callable[[int], Awaitable[object]]) -> None:
    figures: list[tuple[float, float]] = []
    for turn in range(ROUNDS + 1):
        began = Cpu()
        for n in range(EACH):
            await action(turn * EACH + n)
        figures.append(each(began, Cpu()))
    show(name, figures)


async def measure_runs(database: Database) -> None:
    runs, log = Runs(database), EventLog(database)
    ids = [(await runs.create(new_run())).run_id for _ in range((ROUNDS + 1) * EACH)]

    def ended(n: int, seq: int) -> Event:
        return Event(ids[n], seq, now(), "call.finished", {"text": "x" * 800})

    async def finish(n: int) -> None:
        await runs.finish(
            ids[n],
            1,
            "completed",
            output="x" * 2000,
            total_cost=1,
            calls=2,
            simulated=False,
            events=[ended(n, 9)],
        )

    await measure("create a run", lambda _: runs.create(new_run()))
    await measure("append one event", lambda n: log.append(ids[n], 1, [ended(n, 1)]))
    await measure(
        "append three events", lambda n: log.append(ids[n], 1, [ended(n, seq) for seq in (2, 3, 4)])
    )
    await measure("finish with an event", finish)
    await measure("get a run", lambda n: runs.get(ids[n]))
    await measure("read its events", lambda n: log.read(ids[n]))


async def measure_journal(database: Database, folder: Path) -> None:
    journal = await Journal.open(folder / "journal", database)
    sent, done, settled = [], [], []
    for _ in range(ROUNDS + 1):
        calls = [new_call() for _ in range(EACH)]
        ends = [
            (structs.replace(a, status="ok"), structs.replace(c, status="ok", trace=("a", "b")))
            for a, c in calls
        ]
        times = [Cpu()]
        for attempt, call in calls:
            journal.sent(attempt, call)
        times.append(Cpu())
        for attempt, call in ends:
            journal.done(attempt, call)
        times.append(Cpu())
        await journal.flush()
        times.append(Cpu())
        for figures, began, end in zip((sent, done, settled), times[:-1], times[1:], strict=True):
            figures.append(each(began, end))

    async def alone(_: int) -> None:
        attempt, call = new_call()
        journal.sent(attempt, call)
        journal.done(attempt, structs.replace(call, status="ok"))
        await journal.flush()

    for name, figures in (("note that a request leaves", sent), ("note that it ended", done),
                          ("store its two rows, 200 calls at once", settled)):  # fmt: skip
        show(name, figures)
    await measure("a call alone: both notes, two rows", alone)
    await journal.close()


async def measure_engine(url: str, folder: Path) -> None:
    """All figures of one engine, on an empty database."""
    for kind in ("new", "existing"):
        began = Cpu()
        database = await Database.open(url)
        show(f"open a database, {kind}", [(0, 0), each(began, Cpu(), 1)])
        if kind == "new":
            await database.close()
    await measure_runs(database)
    await measure_journal(database, folder)
    await measure("an empty transaction that reads", lambda _: database.read(lambda _: None))
    await measure("an empty transaction that writes", lambda _: database.write(lambda _: None))
    await measure_together(database)
    await database.close()


async def measure_together(database: Database) -> None:
    """Rates when many want to write at once, as calls in parallel do."""
    runs, log = Runs(database), EventLog(database)
    ids = [(await runs.create(new_run())).run_id for _ in range(EACH)]
    figures: list[tuple[float, float]] = []
    for seq in range(1, ROUNDS + 2):
        began = Cpu()
        wall = time.perf_counter()
        await asyncio.gather(
            *(
                log.append(one, 1, [Event(one, seq, now(), "call.finished", {"text": "x" * 800})])
                for one in ids
            )
        )
        wall = time.perf_counter() - wall
        figures.append(each(began, Cpu()))
    show(f"append one event, {EACH} runs at once", figures)
    print(f"{'':42} {EACH / wall:7.0f} a second")


def main() -> None:
    wanted = sys.argv[1:] or ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory() as name:
        if "sqlite" in wanted:
            print("SQLite")
            asyncio.run(measure_engine(f"sqlite:///{name}/quorum.db", Path(name)))
    if "postgresql" not in wanted:
        return
    if found("postgresql") is None:
        sys.exit(f"PostgreSQL is missing: {NEEDS['postgresql'].hint}")
    with server() as started, tempfile.TemporaryDirectory() as name:
        print("\nPostgreSQL")
        started.create_database("bench")
        Cpu.server = started
        asyncio.run(measure_engine(started.url("bench"), Path(name)))


if __name__ == "__main__":
    main()
