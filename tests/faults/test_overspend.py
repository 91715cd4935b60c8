"""A budget is never overspent: many processes at once, killed and stopped at any moment, on each engine.

The upstream's own count of what it billed is the judge. Beside it a naive control, which reads what is spent,
calls, and then adds the cost, does overspend. `./dev faults` runs the long form.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.faults.spenders import LIFE_SECONDS
from tests.support.script import Asked, Say
from tests.support.server import PRICE, config, write_config
from tests.support.stores import ATTEMPTS, MISCOUNTED, Store
from tests.support.upstream import Upstream, upstream

from quorum_mcp.store.journal import Journal
from quorum_mcp.store.leases import sweep

LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900 if LONG else 120)]
PROCESSES = 8
KILLS, STOPS = (20, 8) if LONG else (3, 1)
CALLS = 4000 if LONG else 160
"""About how many calls the budget is enough for."""
NAIVE_CALLS = 30
WORDS = "The answer, my friend, is blowing in the wind."
NANOS = {name: int(price * 1000) for name, price in PRICE.items()}
"""Nanodollars for each token."""
PERIOD = "SELECT spent, leased, closed FROM budget_periods WHERE budget_id LIKE 'bud_%'"


def billed(up: Upstream, model: str) -> int:
    """Nanodollars of all that reached the upstream, finished or not."""
    return sum(
        asked.input_tokens * NANOS["input_per_million"] + asked.output_tokens * NANOS["output_per_million"]
        for asked in up.of(model)
    )


class Spenders:
    """The processes, by their numbers; `stopped` ones do not run."""

    def __init__(self, mother: asyncio.subprocess.Process) -> None:
        self._mother = mother
        self.running: list[int] = []
        self.stopped: list[tuple[float, int]] = []

    async def more(self) -> None:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(b"\n")
        self.running.append(int(await self._mother.stdout.readline()))

    def kill(self, pid: int) -> None:
        self.running.remove(pid)
        os.kill(pid, signal.SIGKILL)

    def stop(self, pid: int, seconds: float) -> None:
        self.running.remove(pid)
        os.kill(pid, signal.SIGSTOP)
        self.stopped.append((time.monotonic() + seconds, pid))

    def go_on(self, *, all_of_them: bool = False) -> None:
        """Let those go on whose time has come."""
        due = [one for one in self.stopped if all_of_them or one[0] < time.monotonic()]
        for one in due:
            self.stopped.remove(one)
            self.running.append(one[1])
            os.kill(one[1], signal.SIGCONT)

    async def end(self, how: signal.Signals) -> None:
        """End all that run, and return when they are gone."""
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        until = time.monotonic() + 20
        while self.running and time.monotonic() < until:
            for pid in list(self.running):
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    self.running.remove(pid)
            await asyncio.sleep(0.05)
        assert not self.running, "they do not end"


@asynccontextmanager
async def spenders(home: Path, up: Upstream, store: Store, limits: dict[str, int]) -> AsyncIterator[Spenders]:
    lab = {
        "wire": "openai", "base_url": up.url, "price": PRICE,
        "limits": {"requests_per_minute": 10**7, "tokens_per_minute": 10**10, "concurrency": 64},
    }  # fmt: skip
    budgets = [{"period": "total", "limit": limits["lab"] / 1e9, "provider": "lab"}]
    file = write_config(home, config(up.url) | {"providers": {"lab": lab, "naive": lab}, "budgets": budgets})
    with (home / "spenders.log").open("wb") as log:
        mother = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.spenders", file, home, store.url, str(limits["naive"]),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    found = Spenders(mother)
    try:
        assert mother.stdout is not None
        assert await mother.stdout.readline() == b"ready\n", (home / "spenders.log").read_text()
        yield found
    finally:
        found.go_on(all_of_them=True)
        await found.end(signal.SIGKILL)
        mother.kill()
        await mother.wait()


async def test_kills_and_stops_at_any_moment(tmp_path: Path, store: Store) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def answer(_: Asked) -> Say:
        return Say(WORDS, latency=chance.uniform(0.0, 0.12))

    async with upstream() as up:
        up.model("a", answer)
        up.model("n", answer)
        one = 20 * NANOS["input_per_million"] + 16 * NANOS["output_per_million"]
        limits = {"lab": CALLS * one, "naive": NAIVE_CALLS * one}
        async with store.opened():
            await store.execute("CREATE TABLE naive (spent BIGINT NOT NULL)")
            await store.execute("INSERT INTO naive VALUES (0)")
        async with spenders(tmp_path, up, store, limits) as processes:
            for _ in range(PROCESSES):
                await processes.more()
            await disturb(up, processes, store, limits["lab"], chance)
            await until_nothing_is_asked(up)
            await processes.end(signal.SIGTERM)
        await judge(up, store, tmp_path, limits)


async def disturb(up: Upstream, processes: Spenders, store: Store, limit: int, chance: random.Random) -> None:
    """Kill and stop processes, spread over the time in which the budget is spent."""
    acts = ["kill"] * KILLS + ["stop"] * STOPS
    chance.shuffle(acts)
    for number, act in enumerate(acts, 1):
        await spent(up, int(limit * 0.8 * number / (len(acts) + 1)), processes, store)
        await asyncio.sleep(chance.uniform(0.0, 0.1))
        pid = chance.choice(processes.running)
        if act == "kill":
            processes.kill(pid)
            await processes.more()
        else:
            processes.stop(pid, 1.8 * LIFE_SECONDS)
    while processes.stopped:
        await asyncio.sleep(0.1)
        processes.go_on()


async def judge(up: Upstream, store: Store, home: Path, limits: dict[str, int]) -> None:
    """What the upstream billed, against the limits and what is stored."""
    ((stored, leased, _),) = await store.rows(PERIOD)
    print(f"billed {billed(up, 'a')} of {limits['lab']}; stored as spent {stored}, stranded {leased}")
    print(f"naive control: billed {billed(up, 'n')} of {limits['naive']}")
    assert billed(up, "a") <= limits["lab"], "overspent"
    # What was cut counts as it was reserved: on a busy machine that is most.
    assert billed(up, "a") > limits["lab"] * 0.1, "the budget was not used"
    assert stored > limits["lab"] * 0.75, "the budget was not used"
    assert stored + leased <= limits["lab"]
    assert leased <= KILLS * limits["lab"] // 4
    assert billed(up, "n") > limits["naive"], "the naive control did not overspend: this test shows nothing"
    async with store.opened() as database:
        journal = await Journal.open(home / "journal", database)
        # A commit of a process that was killed may have come after its journal was stored: it expires.
        await asyncio.sleep(2 * LIFE_SECONDS / 0.8 if leased else 0)
        await database.write(lambda conn: sweep(conn, journal.place))
        await journal.close()
    ((stored, leased, closed),) = await store.rows(PERIOD)
    assert billed(up, "a") <= stored <= limits["lab"]
    assert (leased, bool(closed)) == (0, False)
    assert await store.rows("SELECT * FROM leases") == []
    attempts = f"SELECT count(*), coalesce(sum(cost), 0) FROM {ATTEMPTS} a WHERE provider = 'lab'"
    ((rows, cost),) = await store.rows(attempts)
    assert rows >= up.count("a")
    assert cost == stored
    assert await store.rows(MISCOUNTED) == []
    assert not list((home / "journal").glob("*.journal"))


async def until_nothing_is_asked(up: Upstream) -> None:
    """Until the budget is spent: idle slices have returned, and still nobody asks."""
    seen, since = -1, time.monotonic()
    while time.monotonic() < since + 2.5:
        if up.count("a") != seen:
            seen, since = up.count("a"), time.monotonic()
        await asyncio.sleep(0.1)


async def spent(up: Upstream, amount: int, processes: Spenders, store: Store) -> None:
    """Until so much is stored as spent. Those that are stopped go on meanwhile: one may hold a lock."""
    seen, since = -1, time.monotonic()
    while True:
        processes.go_on()
        figures = await store.rows(PERIOD)
        if figures and figures[0][0] >= amount:
            return
        if len(up.asked) != seen:
            seen, since = len(up.asked), time.monotonic()
        assert time.monotonic() < since + 20, f"nothing was asked for 20 s, after {seen} requests: {figures}"
        await asyncio.sleep(0.05)
