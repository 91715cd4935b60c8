"""What the store costs: CPU microseconds for each thing that a run does with it, on SQLite in a temporary folder.

Run with `python benchmarks/store.py`. The figures are user + system time of the whole process, all threads,
median of 5 rounds of 200.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import structs

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


async def measure(name: str, action: Callable[[int], Awaitable[object]]) -> None:
    figures: list[float] = []
    for turn in range(ROUNDS + 1):
        began = time.process_time()
        for n in range(EACH):
            await action(turn * EACH + n)
        figures.append((time.process_time() - began) / EACH * 1e6)
    print(f"{name:42} {statistics.median(figures[1:]):7.1f} us")  # the first round warms up


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
        times = [time.process_time()]
        for attempt, call in calls:
            journal.sent(attempt, call)
        times.append(time.process_time())
        for attempt, call in ends:
            journal.done(attempt, call)
        times.append(time.process_time())
        await journal.flush()
        times.append(time.process_time())
        for figures, began, end in zip((sent, done, settled), times[:-1], times[1:], strict=True):
            figures.append((end - began) / EACH * 1e6)

    async def alone(_: int) -> None:
        attempt, call = new_call()
        journal.sent(attempt, call)
        journal.done(attempt, structs.replace(call, status="ok"))
        await journal.flush()

    for name, figures in (("note that a request leaves", sent), ("note that it ended", done),
                          ("store its two rows, 200 calls at once", settled)):  # fmt: skip
        print(f"{name:42} {statistics.median(figures[1:]):7.1f} us")
    await measure("a call alone: both notes, two rows", alone)
    await journal.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("new", "existing"):
            began = time.process_time()
            database = await Database.open(f"sqlite:///{folder}/quorum.db")
            print(f"{f'open a database, {kind}':42} {(time.process_time() - began) * 1e6:7.0f} us")
            if kind == "new":
                await database.close()
        await measure_runs(database)
        await measure_journal(database, folder)
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
