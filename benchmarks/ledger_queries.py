"""What lists and reports take with many calls in the database, beside the bar of 200 ms.

    ./dev bench ledger_queries [sqlite] [postgresql] [--calls 100000]

The calls are of 3 tenants, 6 keys and 8 models, spread over 30 days and, to be hard on the short windows, a fifth of
them over the last hour. Medians of 7: wall time, and this
process's CPU, which tells how much of that is the machine's other work.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path

from msgspec import structs
from tools.needs import NEEDS, found
from tools.postgresql import server

from harness import row
from ledger import sent_and_ended
from quorum_mcp.ids import new_id
from quorum_mcp.reports.benchmarks import rank, since
from quorum_mcp.reports.measures import SUMMARY
from quorum_mcp.reports.usage import usage
from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures, Slots
from quorum_mcp.store.folding import DAY, HOUR, fold
from quorum_mcp.store.records import CallFilter, Records, store_records

TIMES, BATCH, BAR_MS = 7, 500, 200.0


def some_call(chance: random.Random) -> CallRecord:
    """A call of somebody, some time in the last 30 days."""
    ended = sent_and_ended(chance)[1][1]
    at = now_us() - chance.randrange(HOUR if chance.random() < 0.2 else 30 * DAY)
    number = chance.randrange(6)
    failed = {"status": "error", "error_code": "provider_unavailable"} if chance.random() < 0.03 else {}
    return structs.replace(
        ended, id=new_id("call"), created_at=at, tenant=f"org_{number % 3}", key_id=f"key_{number}",
        provider=chance.choice(("lab", "other")), model=chance.choice(("alpha", "beta", "gamma", "delta")),
        tags=tuple(chance.sample(("team-a", "team-b", "nightly", "eval"), chance.randrange(3))), **failed,
    )  # fmt: skip


async def fill(database: Database, number: int, chance: random.Random) -> None:
    for _ in range(0, number, BATCH):
        batch = [some_call(chance) for _ in range(BATCH)]
        await database.write(lambda conn, batch=batch: store_records(conn, [], batch))


def questions(database: Database) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is asked, by what it is called."""
    records, figures, stats = Records(database), Figures(database), CallStats(database)
    one, everybody = Slots(tenant="org_1"), Slots()
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "a page of calls": lambda: records.page(CallFilter(tenant="org_1")),
        "a page of calls of one model": lambda: records.page(CallFilter(tenant="org_1", model="alpha")),
        "a page of failed calls": lambda: records.page(CallFilter(tenant="org_1", status="error")),
        "a page of calls that are not there": lambda: records.page(
            CallFilter(tenant="org_1", provider="nobody")
        ),
        "counts of a tenant's calls (/api/stats)": lambda: stats.totals(
            CallFilter(tenant="org_1", simulated=False)
        ),
        "providers' last 100 calls": lambda: stats.providers(["lab", "other"]),
    }
    for window in ("1h", "24h", "7d", "all"):
        where = Slots(since=since(window))
        asked[f"benchmark summary, {window}"] = lambda where=where: figures.sums(
            where, ("provider",), SUMMARY
        )
        asked[f"benchmark of models, {window}"] = lambda where=where: asyncio.gather(
            figures.sums(where, ("provider", "model")),
            figures.histograms(where, "latency"),
            figures.histograms(where, "first_token"),
        )
        asked[f"leaderboard by latency, {window}"] = lambda where=where: rank(database, where, "latency")
    for group in ("organization", "key", "model", "provider", "day", "tag"):
        asked[f"usage by {group}, everybody's"] = lambda group=group: usage(figures, group, everybody, UTC)
    asked["usage by tag, one tenant's"] = lambda: usage(figures, "tag", one, UTC)
    return asked


async def measure(url: str, number: int, chance: random.Random) -> None:
    """Fill an empty database and ask."""
    database = await Database.open(url)
    began = time.perf_counter()
    await fill(database, number, chance)
    filled = time.perf_counter() - began
    began = time.perf_counter()
    made, _ = await fold(database, now_us())
    print(
        f"{number} calls stored in {filled:.1f} s; {made} slots folded in {time.perf_counter() - began:.1f} s\n"
    )
    row("question", "wall, ms", "CPU here, ms", f"bar {BAR_MS:g} ms")
    row("---", "---", "---", "---")
    for name, ask in questions(database).items():
        times: list[tuple[float, float]] = []
        for _ in range(TIMES):
            began = time.perf_counter(), time.process_time()
            await ask()
            times.append(((time.perf_counter() - began[0]) * 1000, (time.process_time() - began[1]) * 1000))
        wall, cpu = map(statistics.median, zip(*times, strict=True))
        row(name, wall, cpu, "" if wall <= BAR_MS else "OVER")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engines", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    chance = random.Random(given.seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if "sqlite" in given.engines:
            print("\nSQLite\n")
            asyncio.run(measure(f"sqlite:///{folder}/quorum.db", given.calls, chance))
        if "postgresql" in given.engines:
            if found("postgresql") is None:
                raise SystemExit(f"PostgreSQL is missing: {NEEDS['postgresql'].hint}")
            started = stack.enter_context(server())
            started.create_database("bench")
            print("\nPostgreSQL\n")
            asyncio.run(measure(started.url("bench"), given.calls, chance))


if __name__ == "__main__":
    main()
