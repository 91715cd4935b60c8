"""Processes killed at every stage of a call and at random: each usage record is in the database, once."""

import asyncio
import random
import re
import signal

import pytest
from tests.support.stores import ATTEMPTS, MISCOUNTED, Store
from tests.unit.storing import child

from quorum_mcp.store.journal import Journal

pytestmark = pytest.mark.anyio

VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path
from msgspec import structs
from quorum_mcp.store import settler
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

async def main():
    folder, stage = Path(sys.argv[2]), sys.argv[3]
    settler.DELAY_SECONDS = 0.0 if stage.endswith("stored") else 60.0
    database = await Database.open(sys.argv[1])
    journal = await Journal.open(folder / "journal", database)
    call = CallRecord(id="call_1", tenant="local", provider="lab", model="alpha", created_at=1, run_id="ses_1")
    attempt = AttemptRecord(id="att_1", call_id="call_1", n=1, provider="lab", model="alpha", started_at=1, cost=1000)
    if stage != "before":
        journal.sent(attempt, call)
    if stage in ("done", "retry", "stored"):
        ok = structs.replace(attempt, status="ok", input_tokens=3, output_tokens=5, cost=800)
        journal.done(ok, None if stage == "retry" else structs.replace(call, status="ok", cost=800, attempts=1))
    if stage in ("alone", "alone, stored"):
        journal.called(structs.replace(call, status="ok", cost=800, attempts=1, alone=True))
    if stage.endswith("stored"):
        await journal.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("stage", "call_status", "attempt_status", "cost"),
    [
        ("before", None, None, None),
        ("sent", "unknown", "unknown", 1000),
        ("retry", "unknown", "ok", 800),
        ("done", "ok", "ok", 800),
        ("stored", "ok", "ok", 800),
        ("alone", "ok", "ok", 800),
        ("alone, stored", "ok", "ok", 800),
    ],
)
async def test_a_killed_processs_records_are_there_once(
    store: Store, stage: str, call_status: str | None, attempt_status: str | None, cost: int | None
) -> None:
    victim = await child(VICTIM, store.url, store.folder, stage)
    _, errors = await victim.communicate()
    assert victim.returncode == -signal.SIGKILL, errors.decode()
    if stage in ("done", "alone"):
        assert await store.rows("SELECT * FROM calls") == []
    async with store.opened() as database:
        for _ in range(2):
            journal = await Journal.open(store.folder / "journal", database)
            await journal.recover()
            calls = [] if call_status is None else [("call_1", call_status, cost, "ses_1")]
            assert await store.rows("SELECT id, status, cost, run_id FROM calls") == calls
            attempts = [] if attempt_status is None else [("att_1", attempt_status, cost)]
            assert await store.rows(f"SELECT id, status, cost FROM {ATTEMPTS} a") == attempts
            rows = [] if stage.startswith("alone") else attempts
            assert await store.rows("SELECT id, status, cost FROM attempts") == rows
            await journal.close()
            assert list((store.folder / "journal").iterdir()) == []


BUSY = """
import asyncio, sys
from pathlib import Path
from msgspec import structs
from quorum_mcp.ids import new_id
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord, first_attempt
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

out = open(sys.argv[3], "a", buffering=1)

async def work(journal, alone):
    while True:
        call = CallRecord(id=new_id("call"), tenant="local", provider="lab", model="alpha", created_at=1)
        attempt = AttemptRecord(
            id=first_attempt(call.id), call_id=call.id, n=1, provider="lab", model="alpha", started_at=1
        )
        journal.sent(attempt, call)
        print("sent", attempt.id, file=out)
        await asyncio.sleep(0.002)
        ended = structs.replace(call, status="ok", attempts=1, alone=alone)
        if alone:
            journal.called(ended)
        else:
            journal.done(structs.replace(attempt, status="ok"), ended)
        print("done", attempt.id, file=out)

async def main():
    folder = Path(sys.argv[2])
    database = await Database.open(sys.argv[1])
    journal = await Journal.open(folder / "journal", database, half=1 << 18)
    print("ready", flush=True)
    await asyncio.gather(*(work(journal, n % 2 == 0) for n in range(5)))

asyncio.run(main())
"""


@pytest.mark.timeout(60)
async def test_kills_at_random_under_load_lose_and_double_nothing(store: Store) -> None:
    """Two processes at a time, small segments that turn often; judged by what the processes printed before."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    for _ in range(4):
        pair = [await child(BUSY, store.url, store.folder, store.folder / f"printed {n}") for n in range(2)]
        for process in pair:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        await asyncio.sleep(source.uniform(0.0, 0.5))
        for process in pair:
            process.kill()
            _, errors = await process.communicate()
            assert process.returncode == -signal.SIGKILL, errors.decode()
    printed = [line for n in range(2) for line in (store.folder / f"printed {n}").read_text().splitlines()]
    # A write to a file may be cut by the kill too: names have a fixed length.
    whole = [line.split() for line in printed if re.fullmatch(r"(sent|done) att_\w{26}", line)]
    sent = {name for kind, name in whole if kind == "sent"}
    done = {name for kind, name in whole if kind == "done"}
    assert len(done) > 20
    async with store.opened() as database:
        await (await Journal.open(store.folder / "journal", database)).close()
        found = dict(await store.rows(f"SELECT id, status FROM {ATTEMPTS} a"))
        # A request may have been noted and the process killed before it could print: at most one for each task.
        assert sent <= set(found)
        assert len(found) - len(sent) <= 4 * 2 * 5
        print(f"{len(found)} attempts, {len(done)} done")
        assert {name for name in done if found[name] != "ok"} == set()
        assert len(await store.rows("SELECT id FROM calls")) == len(found)
        assert await store.rows(MISCOUNTED) == []
        assert (0,) < (await store.rows("SELECT count(*) FROM attempts"))[0] < (len(found),)
        assert list((store.folder / "journal").iterdir()) == []
