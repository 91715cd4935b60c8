"""A server killed again and again under load: the upstream's own count of what it was asked is what is recorded.

`./dev faults` kills a hundred times on each engine.
"""

import asyncio
import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.rest import Rest, client
from tests.support.script import Asked, Say
from tests.support.server import Server, config
from tests.support.stores import ATTEMPTS, MISCOUNTED, Store
from tests.support.upstream import upstream

LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))
KILLS = 100 if LONG else 3
CALLERS = 4
RECOVERED = 300.0 if LONG else 30.0
"""Seconds for the runs of all killed processes to end, and their records to be stored."""
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3600 if LONG else 90)]
NAME = re.compile(r"question \d+")
OPEN = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')"
RECORDS = f"""
    SELECT r.title, a.model, a.status, c.status FROM {ATTEMPTS} a
    JOIN calls c ON c.id = a.call_id JOIN runs r ON r.id = c.run_id
"""
Records = list[tuple[Any, ...]]
"""The question's title, the model, the attempt's status and its call's, of each attempt."""


class Load:
    """Callers that ask one question after the other, each once, whatever becomes of the server."""

    def __init__(self, q: Rest) -> None:
        self.answered = 0
        self.over = False
        self._q = q
        self._asked = 0

    async def ask(self) -> None:
        """One caller."""
        while not self.over:
            self._asked += 1
            question = f"What is 2 + 2, question {self._asked}?"
            try:
                answer = await self._q.ask(question, ["lab/a", "lab/b"], max_tokens=60)
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
            else:
                assert answer["conclusion"] == "4"
                self.answered += 1


async def until_recovered(store: Store, asked: list[Asked]) -> None:
    """Return when no run is open and every request has a record, or time is up."""
    try:
        async with asyncio.timeout(RECOVERED):
            while await store.rows(OPEN) != [(0,)]:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.3)
        async with asyncio.timeout(10):
            while by_request(asked) - by_record(await store.rows(RECORDS)):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.2)
    except TimeoutError:
        return  # What is missing is counted.


def by_request(asked: list[Asked]) -> Counter[tuple[str, str]]:
    """How often each question reached the upstream, by model."""
    return Counter((name(one.everything), one.model) for one in asked)


def by_record(records: Records) -> Counter[tuple[str, str]]:
    """How many records each question has, by model."""
    return Counter((name(title), model) for title, model, _, _ in records)


async def test_no_record_is_lost_or_doubled_by_kills_under_load(store: Store, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"{store.engine}, seed {seed}, {KILLS} kills")

    def said(_: Asked) -> Say:
        return Say(
            "Two and two is four.\nCONCLUSION: 4", latency=chance.uniform(0.0, 0.3), drip=0.005, piece=8
        )

    async with upstream() as up:
        up.model("a", said)
        up.model("b", said)
        server = Server(
            tmp_path / "home", config(up.url), QUORUM_DATABASE_URL=store.url, QUORUM_SECRET_KEY="s" * 64
        )
        async with client(server.url) as q:
            with await server.started():
                load = Load(q)
                callers = [asyncio.create_task(load.ask()) for _ in range(CALLERS)]
                for _ in range(KILLS):
                    await asyncio.sleep(chance.uniform(0.1, 1.0))
                    server.kill()
                    await asyncio.to_thread(server.start, seconds=60)
                load.over = True
                await asyncio.gather(*callers)
                await until_recovered(store, up.asked)
                assert await store.rows(OPEN) == [(0,)]
        judge(up.asked, await store.rows(RECORDS), load.answered)
    [count] = await store.rows(f"SELECT count(*) FROM {ATTEMPTS} a")
    assert count == (len(await store.rows(RECORDS)),)
    assert await store.rows(MISCOUNTED) == []
    # What is added up beside the records counts each of them once, too.
    kept = await store.rows("SELECT count(*), coalesce(sum(cost), 0) FROM calls WHERE NOT simulated")
    assert await store.rows("SELECT sum(calls), sum(cost) FROM rollups") == kept


def judge(asked: list[Asked], records: Records, answered: int) -> None:
    """Hold the records against what the upstream was asked, by question and model."""
    requests, noted = by_request(asked), by_record(records)
    finished = by_request([one for one in asked if one.outcome == "finished"])
    good = by_record([one for one in records if one[2] == "ok"])
    unknown = by_record([one for one in records if one[2] == "unknown"])
    lost = requests - noted
    doubled = (good - finished) + ((noted - requests) - unknown)
    print(
        f"{answered} answered; upstream: {len(asked)} requests, {finished.total()} finished; records: {len(records)},"
        f" {good.total()} ok, {unknown.total()} unknown, of which {(noted - requests).total()} never arrived;"
        f" lost {lost.total()}, doubled {doubled.total()}"
    )
    assert not lost
    assert not doubled
    assert {(attempt, call) for _, _, attempt, call in records} <= {("ok", "ok"), ("unknown", "unknown")}


def name(text: str) -> str:
    """Which question it is."""
    found = NAME.search(text)
    assert found is not None, text
    return found.group()
