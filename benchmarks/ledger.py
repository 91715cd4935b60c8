"""What a usage record costs, part by part, and whether the ledger keeps up with many of them.

    ./dev bench ledger [sqlite] [postgresql] [--seconds 60] [--rate 1000]

A record is one call that its first attempt answered: two lines of the journal, one row, its settlement against slices
of two budgets, its part of the roll-ups. Figures are user + system CPU of this process, all
threads, and beside it of the database server's processes; medians of several rounds of 500 records in a batch. The
control is the standard library's sqlite3: executemany of the same rows into the same table, and nothing else.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from msgspec import structs
from sqlalchemy import Connection, insert
from tools.needs import NEEDS, found
from tools.postgresql import server

from harness import row
from quorum_mcp.ids import new_id
from quorum_mcp.store.bulk import store_new
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord, Draw, call_row, first_attempt
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import budget_periods, leases
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal
from quorum_mcp.store.leases import settle
from quorum_mcp.store.rollups import roll_up
from quorum_mcp.store.tables import calls
from store import Cpu

ROUNDS, BATCH = 9, 500
TICK = 0.01
BAR_US, BAR_LAG = 20.0, 1.0
LEASES = ("lease_1", "lease_2")
TRACE = (
    "0 ms: candidates: lab/alpha", "0 ms: cache: miss", "0 ms: breaker of lab/alpha: closed",
    "0 ms: reserved 412000 nanodollars", "913 ms: lab/alpha answered: 207 tokens, stop: stop",
)  # fmt: skip
Record = tuple[AttemptRecord, CallRecord]


def sent_and_ended(chance: random.Random) -> tuple[Record, CallRecord]:
    """What is noted when the request leaves, and when it has been answered."""
    now, model = now_us(), chance.choice(("alpha", "beta", "gamma"))
    call = CallRecord(
        id=new_id("call"), tenant="local", provider="lab", model=model, created_at=now, surface="openai",
        key_id=chance.choice(("key_1", "key_2")), tags=("team-a", "nightly"),
    )  # fmt: skip
    draws = tuple(Draw(lease, 412_000) for lease in LEASES)
    attempt = AttemptRecord(
        id=first_attempt(call.id), call_id=call.id, n=1, provider="lab", model=model, started_at=now, cost=412_000,
        draws=draws,
    )  # fmt: skip
    first, output, cost = chance.randrange(90, 900), chance.randrange(10, 900), chance.randrange(10**5, 10**6)
    ended = structs.replace(
        call, status="ok", stop="stop", input_tokens=512, output_tokens=output, cost=cost, price_source="settings",
        latency_ms=first + 11 * output, first_token_ms=first, attempts=1, trace=TRACE, finished_at=now, alone=True,
        draws=draws,
    )  # fmt: skip
    return (attempt, call), ended


def prepare(conn: Connection) -> None:
    """Two budgets' periods, and a lease of each that has room for everything."""
    for lease in LEASES:
        period = {"budget_id": f"budget_of_{lease}", "starts_at": 0}
        figures = {"spent": 0, "leased": 10**17, "closed": False, "alerted": 0}
        conn.execute(insert(budget_periods), period | figures)
        held = {"segment": "none", "place": "here", "granted": 10**17, "settled": 0, "returned": False}
        conn.execute(insert(leases), {"id": lease, **period, **held, "expires_at": now_us() + 10**12})


async def parts(database: Database, folder: Path, chance: random.Random) -> float:
    """Print what each part of a record costs; returns microseconds of all of it."""
    journal = await Journal.open(folder / "journal", database)
    figures: dict[str, list[tuple[float, float]]] = {}

    def note(name: str, began: Cpu) -> None:
        ended = Cpu()
        spent = (ended.ended - began.began, ended.there - began.there)
        figures.setdefault(name, []).append((spent[0] / BATCH * 1e6, spent[1] / BATCH * 1e6))

    async def part(name: str, body: Callable[[Connection], object]) -> None:
        began = Cpu()
        await database.write(lambda conn: body(conn) and None)
        note(name, began)

    for _ in range(ROUNDS + 1):  # the first warms up
        records = [sent_and_ended(chance) for _ in range(BATCH)]
        ended = [end for _, end in records]
        await part(
            "calls: 500 rows", lambda conn, of=ended: store_new(conn, calls, [call_row(call) for call in of])
        )
        await part("settlement against two leases", lambda conn, of=ended: settle(conn, of))
        await part("roll-up", lambda conn, of=ended: roll_up(conn, of))
        records = [sent_and_ended(chance) for _ in range(BATCH)]
        began = Cpu()
        for (attempt, call), _ in records:
            journal.sent(attempt, call)
        note("journal: `sent`", began)
        began = Cpu()
        for _, call in records:
            journal.called(call)
        note("journal: `called`", began)
        began = Cpu()
        await journal.flush()
        note("all of the database's part, together", began)
    await journal.close()
    medians = {name: _medians(of[1:]) for name, of in figures.items()}
    for name, (here, there) in medians.items():
        row(name, here, there)
    lines = sum(medians[name][0] for name in medians if name.startswith("journal"))
    stored = medians["all of the database's part, together"][0]
    return lines + stored


def _medians(figures: Iterable[tuple[float, float]]) -> tuple[float, float]:
    here, there = zip(*figures, strict=True)
    return statistics.median(here), statistics.median(there)


def control(path: str, chance: random.Random) -> float:
    """Microseconds of the standard library for the same row, into the same table and indexes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    statement = f"INSERT INTO calls VALUES ({', '.join('?' * len(calls.c))})"
    figures: list[float] = []
    for _ in range(ROUNDS + 1):
        rows = [call_row(sent_and_ended(chance)[1]) for _ in range(BATCH)]
        began = time.process_time()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
        figures.append((time.process_time() - began) / BATCH * 1e6)
    connection.close()
    return statistics.median(figures[1:])


async def sustained(
    database: Database, folder: Path, chance: random.Random, seconds: float, rate: float
) -> tuple[float, float, float]:
    """Note `rate` records a second; the median and 99th percentile of seconds until stored, and CPU of a record.

    Measured at every tick of 10 ms, when those that are stored by then count: up to a tick too much.
    """
    journal = await Journal.open(folder / "sustained", database)
    noted: deque[float] = deque()
    lags: list[float] = []
    records = [sent_and_ended(chance) for _ in range(2000)]  # made beforehand: only their ids change
    began, cpu, made = time.perf_counter(), time.process_time(), 0
    while True:
        now = time.perf_counter()
        while len(noted) > journal.waiting:
            lags.append(now - noted.popleft())
        if now - began >= seconds and not noted:
            break
        due = int((min(now - began, seconds)) * rate)
        while made < due:
            (attempt, call), ended = records[made % len(records)]
            call_id = new_id("call")
            journal.sent(
                structs.replace(attempt, id=first_attempt(call_id), call_id=call_id),
                structs.replace(call, id=call_id),
            )
            journal.called(structs.replace(ended, id=call_id, created_at=now_us()))
            noted.append(time.perf_counter())
            made += 1
        await asyncio.sleep(TICK)
    cpu = (time.process_time() - cpu) / made * 1e6
    await journal.close()
    lags.sort()
    return lags[len(lags) // 2], lags[int(len(lags) * 0.99)], cpu


async def measure(url: str, folder: Path, chance: random.Random, seconds: float, rate: float) -> None:
    """All figures of one engine, on an empty database."""
    database = await Database.open(url)
    await database.write(prepare)
    row("part", "CPU us a record", "in the server")
    row("---", "---", "---")
    each = await parts(database, folder, chance)
    row("**a record, journal included**", each, f"bar: {BAR_US:g}")
    if seconds:
        median, late, cpu = await sustained(database, folder, chance, seconds, rate)
        print(f"\n{rate:g} records a second for {seconds:g} s: stored after {median:.3f} s (median), "
              f"{late:.3f} s (99 %; bar: {BAR_LAG:g} s); {cpu:.1f} us CPU a record, the measuring included")  # fmt: skip
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engines", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=float, default=60.0, help="of the sustained load; 0: none")
    parser.add_argument("--rate", type=float, default=1000.0, help="records a second")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    chance = random.Random(given.seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if "sqlite" in given.engines:
            print("\nSQLite\n")
            asyncio.run(
                measure(f"sqlite:///{folder}/quorum.db", folder / "a", chance, given.seconds, given.rate)
            )
            print(
                f"\ncontrol: sqlite3.executemany, the rows and nothing else: {control(f'{folder}/quorum.db', chance):.1f} us"
            )
        if "postgresql" in given.engines:
            if found("postgresql") is None:
                raise SystemExit(f"PostgreSQL is missing: {NEEDS['postgresql'].hint}")
            started = Cpu.server = stack.enter_context(server())
            started.create_database("bench")
            print("\nPostgreSQL\n")
            asyncio.run(measure(started.url("bench"), folder / "b", chance, given.seconds, given.rate))


if __name__ == "__main__":
    main()
