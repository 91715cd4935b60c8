"""What budgets cost: CPU microseconds for admission and settlement, on each engine, and for a refusal.

Run with `python benchmarks/budgets.py`. A call is under two budgets (its provider's and the daily limit) and
costs a thousandth of a cent. Figures are user + system time of this whole process, all threads, and beside it
that of the database server's processes where there is one; medians of 7 rounds of 1,000 calls.

admission   in memory: which budgets, the draw and its settlement
with leases the same, with what the database does for it: slices taken, renewed, and each bill booked in the
            transaction that stores the attempt. Measured as the journal with draws, less the journal without.
refusal     of a spent budget, as the error that the caller gets
naive       what others do for each call: read what is spent, then add the cost, two transactions
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

from sqlalchemy import func, select, update
from tools.needs import NEEDS, found
from tools.postgresql import Server, server

from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.record import Reserved
from quorum_mcp.config.load import load
from quorum_mcp.errors import BudgetExceeded
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Message, ModelRequest, Text
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord, Draw
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import budget_periods
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

ROUNDS, EACH = 7, 1000
WORST, COST = 30_000, 10_000
CONFIG = """
providers:
  lab: {wire: openai, base_url: "http://127.0.0.1:9", price: {input_per_million: 1, output_per_million: 2}}
budgets: [{period: monthly, limit: 500, provider: lab}]
"""


class Cpu:
    """CPU time, here and in the database's server."""

    server: Server | None = None

    def __init__(self) -> None:
        self.ended = time.process_time()
        self.there = self.server.cpu_seconds() if self.server else 0.0
        self.began = time.process_time()  # the look at the server's processes does not count


Figures = tuple[float, float]


async def measured(action: Callable[[], Awaitable[object]], times: int = EACH) -> Figures:
    """Medians of microseconds for each of `times`, here and there; the first round warms up."""
    rounds: list[Figures] = []
    for _ in range(ROUNDS + 1):
        began = Cpu()
        await action()
        ended = Cpu()
        rounds.append(((ended.ended - began.began) / times * 1e6, (ended.there - began.there) / times * 1e6))
    here, there = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    return here, there


def show(name: str, figures: Figures) -> None:
    here, there = figures
    print(
        f"  {name:44} {here:7.1f} us" + (f" + {there:6.1f} us in the server" if Cpu.server else ""),
        flush=True,
    )


class Bench:
    """One open database with its budgets."""

    def __init__(self, database: Database, journal: Journal, budgets: Budgets, target: Target) -> None:
        self.database = database
        self.journal = journal
        self.budgets = budgets
        self.target = target

    def call(self) -> Call:
        request = ModelRequest(model="a", messages=(Message("user", (Text("Hello?"),)),))
        return Call(model="lab/a", request=request, deadline=time.monotonic() + 60)

    async def admit(self) -> None:
        """In memory, a thousand times."""
        budgets, call, target = self.budgets, self.call(), self.target
        for _ in range(EACH):
            draws = await budgets.reserve(budgets.of(call, target), WORST, call)
            budgets.settle(Reserved(WORST, draws), COST)

    async def record(self, *, admitted: bool) -> None:
        """A thousand calls through the journal into the database, with what budgets do, or without."""
        budgets, call, target = self.budgets, self.call(), self.target
        for n in range(EACH):
            draws: tuple[Draw, ...] = ()
            if admitted:
                draws = await budgets.reserve(budgets.of(call, target), WORST, call)
            made = CallRecord(
                id=new_id("call"), tenant="local", provider="lab", model="a", created_at=now_us()
            )
            tried = AttemptRecord(
                id=new_id("att"), call_id=made.id, n=1, provider="lab", model="a", started_at=now_us(),
                cost=WORST, draws=draws,
            )  # fmt: skip
            self.journal.sent(tried, made)
            if admitted:
                budgets.settle(Reserved(WORST, draws), COST)
            ended = structs.replace(tried, status="ok", cost=COST, finished_at=now_us())
            self.journal.done(ended, structs.replace(made, status="ok", cost=COST))
            if n % 100 == 99:  # as under load: some dozens of records for each transaction
                await self.journal.flush()

    async def refuse(self) -> None:
        budgets, call, target = self.budgets, self.call(), self.target
        for _ in range(EACH):
            try:
                await budgets.reserve(budgets.of(call, target), 10**15, call)
            except BudgetExceeded:
                continue
            raise SystemExit("the budget was not spent")

    async def naive(self) -> None:
        spent = select(func.sum(budget_periods.c.spent))
        add = update(budget_periods).values(spent=budget_periods.c.spent + 1)
        for _ in range(EACH // 10):
            await self.database.read(lambda conn: conn.execute(spent).scalar_one())
            await self.database.write(lambda conn: conn.execute(add) and None)


async def run(url: str, folder: Path) -> None:
    config = folder / "quorum.yaml"
    config.write_text(CONFIG)
    settings = load(config=config, env={"MCP_DAILY_LIMIT": "400", "QUORUM_HOME": str(folder)}, cwd=folder)
    database = await Database.open(url)
    journal = await Journal.open(folder / "journal", database)
    registry = Registry(settings)
    budgets = Budgets(settings, database, journal, registry)
    await budgets.start()
    bench = Bench(database, journal, budgets, registry.resolve("lab/a"))
    show("admission and settlement, in memory", await measured(bench.admit))
    plain = await measured(lambda: bench.record(admitted=False))
    full = await measured(lambda: bench.record(admitted=True))
    show("the journal and its rows, without budgets", plain)
    show("the same with budgets", full)
    show("admission and settlement, all in all", (full[0] - plain[0], full[1] - plain[1]))
    show("refusal of a spent budget", await measured(bench.refuse))
    show("naive: read, then add", await measured(bench.naive, EACH // 10))
    await budgets.close()
    await journal.close()
    await registry.close()
    await database.close()


async def main() -> None:
    print("SQLite")
    with tempfile.TemporaryDirectory() as folder:
        await run(f"sqlite:///{folder}/quorum.db", Path(folder))
    if found("postgresql") is None:
        print(f"PostgreSQL is left out: {NEEDS['postgresql'].hint}")
        return
    print("PostgreSQL")
    with server() as running, tempfile.TemporaryDirectory() as folder:
        running.create_database("bench")
        Cpu.server = running
        await run(running.url("bench"), Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
