"""A usage record is never lost, and never stored twice: whenever a process dies, whatever the disk does."""

import asyncio
import stat
import time

import pytest
from msgspec import structs
from tests.support.stores import Store, impatient
from tests.unit.storing import attempt, call, child, output

from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import DONE_ROOM, Journal
from quorum_mcp.store.records import CallFilter, Records
from quorum_mcp.store.segment import Segment, content

pytestmark = pytest.mark.anyio


async def stored(database: Database) -> dict[str, CallRecord]:
    page = await Records(database).page(CallFilter(), limit=500)
    return {one.id: one for one in page.items}


def begun(n: int = 0) -> tuple[AttemptRecord, CallRecord]:
    new = call(status="unknown", run_id=f"ses_{n}")
    return attempt(new, cost=1000), new


def ended(pair: tuple[AttemptRecord, CallRecord]) -> tuple[AttemptRecord, CallRecord]:
    return (
        structs.replace(pair[0], status="ok", input_tokens=3, output_tokens=5, cost=800),
        structs.replace(
            pair[1], status="ok", input_tokens=3, output_tokens=5, cost=800, attempts=1, trace=("a", "b")
        ),
    )


async def test_records_reach_the_database_by_themselves_and_soon(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        pairs = [begun(n) for n in range(10)]
        for pair in pairs:
            journal.sent(*pair)
        for pair in pairs:
            journal.done(*ended(pair))
        async with asyncio.timeout(1):
            while journal.waiting:  # noqa: ASYNC110 - nothing tells, and nobody else needs to know
                await asyncio.sleep(0.005)
        assert await stored(database) == {pair[1].id: ended(pair)[1] for pair in pairs}
        await journal.close()
        assert list((store.folder / "journal").iterdir()) == []


@pytest.mark.parametrize("length", [1, 100_000])
async def test_the_content_of_a_call_is_stored_but_not_in_the_journal(store: Store, length: int) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        pair = begun()
        journal.sent(pair[0], structs.replace(pair[1], prompt="a secret question"))
        one, full = ended(pair)
        journal.done(
            one, structs.replace(full, prompt="a secret question", answer="a secret answer" * length)
        )
        [segment] = (store.folder / "journal").iterdir()
        assert b"secret" not in segment.read_bytes()
        assert stat.S_IMODE(segment.stat().st_mode) == 0o600
        await journal.flush()
        found = await Records(database).get(full.id)
        assert found is not None
        assert found[0].prompt == "a secret question"
        await journal.close()


async def test_a_death_within_the_end_of_a_call_does_not_lose_its_beginning(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the turn of the segment that the end of a call needs and the end itself."""
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=8 * DONE_ROOM)
        pair = begun()
        journal.sent(*pair)
        [path] = (store.folder / "journal").iterdir()

        def die(segment: Segment, payload: bytes) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Segment, "room", property(lambda _: 0))
            patched.setattr(Segment, "append", die)
            with pytest.raises(KeyboardInterrupt):
                journal.done(*ended(pair))
        left = content(path.read_bytes())
        assert [pair[0].id in payload.decode() for payload in left.payloads] == [True]
        journal.done(*ended(pair))
        await journal.close()
        assert await stored(database) == {pair[1].id: ended(pair)[1]}


async def test_retries_are_one_call_with_an_attempt_each(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        first, new = begun()
        journal.sent(first, new)
        journal.done(structs.replace(first, status="error", error_code="provider_timeout", cost=None))
        await journal.flush()
        second = attempt(new, n=2)
        journal.sent(second, new)
        journal.done(structs.replace(second, status="ok"))
        journal.called(structs.replace(new, status="ok", attempts=2))
        await journal.flush()
        found = await Records(database).get(new.id)
        assert found is not None
        assert [one.status for one in found[1]] == ["error", "ok"]
        assert found[0].attempts == 2
        await journal.close()
        assert list((store.folder / "journal").iterdir()) == []


async def test_a_torn_last_line_is_as_if_it_was_never_written(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=1 << 16)
        first, second = begun(1), begun(2)
        journal.sent(*first)
        journal.sent(*second)
        [path] = (store.folder / "journal").iterdir()
        dead = bytearray(path.read_bytes())
        end = dead.rindex(b"\n")
        dead[end - 20 : end + 1] = bytes(21)
        (store.folder / "journal" / f"{database.id}-1-dead.journal").write_bytes(dead)
        found = await journal.recover()
        assert (found.segments, found.attempts, found.unknown) == (1, 1, 1)
        assert list(await stored(database)) == [first[1].id]
        await journal.close()


async def test_a_live_process_keeps_its_segment(store: Store) -> None:
    async with store.opened() as database:
        one = await Journal.open(store.folder / "journal", database)
        one.sent(*begun())
        two = await Journal.open(store.folder / "journal", database)
        assert (await two.recover()).segments == 0
        await one.close()  # With a request still out: the segment stays, for whoever comes next.
        assert (await two.recover()).unknown == 1
        await two.close()


async def test_another_databases_segments_are_left_alone(store: Store) -> None:
    async with store.opened() as first, (await store.another("b")).opened() as second:
        journal = await Journal.open(store.folder / "journal", first)
        journal.sent(*begun())
        await journal.close()
        other = await Journal.open(store.folder / "journal", second)
        assert await stored(second) == {}
        await other.close()
        await (await Journal.open(store.folder / "journal", first)).close()
        assert len(await stored(first)) == 1


async def test_a_request_that_is_out_for_long_is_not_forgotten(store: Store) -> None:
    """The segment turns many times meanwhile; a copy of it is what a kill would leave."""
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=8 * DONE_ROOM)
        out, retried = begun(1), begun(2)
        journal.sent(*out)
        journal.sent(*retried)
        journal.done(structs.replace(retried[0], status="error", cost=1))
        for n in range(200):
            pair = begun(n)
            journal.sent(*pair)
            journal.done(*ended(pair))
            if n % 10 == 0:
                await journal.flush()
        await journal.flush()
        [path] = (store.folder / "journal").iterdir()
        (store.folder / "journal" / f"{database.id}-1-dead.journal").write_bytes(path.read_bytes())
        assert len(content(path.read_bytes()).payloads) < 100
        found = await journal.recover()
        assert found.segments == 1
        calls = await stored(database)
        assert len(calls) == 202
        assert (calls[out[1].id].status, calls[out[1].id].cost) == ("unknown", 1000)
        assert (calls[retried[1].id].status, calls[retried[1].id].cost) == ("unknown", 1)
        await journal.close()


async def test_a_recovery_tells_what_it_found(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=1 << 16)
        one, two = begun(1), begun(2)
        for pair in (one, two):
            journal.sent(*pair)
        journal.done(*ended(one))
        [path] = (store.folder / "journal").iterdir()
        (store.folder / "journal" / f"{database.id}-1-dead.journal").write_bytes(path.read_bytes())
        found = await journal.recover()
        assert (found.segments, found.attempts, found.unknown) == (1, 2, 1)
        await journal.close()


@pytest.mark.parametrize("payload", [b'["paid",null,null]', b"{}", b"[]", b"not JSON"])
async def test_a_journal_that_cannot_be_understood_is_kept_and_stops_nobody(
    store: Store, payload: bytes
) -> None:
    async with store.opened() as database:
        segment = Segment.create(store.folder / "journal", f"{database.id}-1-dead", 1 << 12)
        segment.append(payload)
        segment.close(delete=False)
        journal = await Journal.open(store.folder / "journal", database)
        await journal.close()
        [kept] = (store.folder / "journal").iterdir()
        assert kept.name == f"{database.id}-1-dead.refused"
        assert content(kept.read_bytes()).payloads == [payload]


@pytest.mark.timeout(20)
async def test_records_wait_while_the_database_is_away_and_calls_stop_when_the_journal_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=16 * DONE_ROOM)
        pairs: list[tuple[AttemptRecord, CallRecord]] = []
        async with store.locked():
            with pytest.raises(StoreUnavailable, match="full") as refused:
                for n in range(1000):
                    pair = begun(n)
                    journal.sent(*pair)
                    journal.done(*ended(pair))
                    pairs.append(pair)
            assert refused.value.retry_after
            assert 10 < len(pairs) < 1000
            with pytest.raises(StoreUnavailable, match="locked|timeout"):
                await journal.flush()
            assert journal.waiting == len(pairs)
        await journal.flush()
        assert await stored(database) == {pair[1].id: ended(pair)[1] for pair in pairs}
        journal.sent(*begun())  # There is room again.
        await journal.close()


async def test_every_open_request_has_room_for_its_end(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database, half=16 * DONE_ROOM)
        pairs = [begun(n) for n in range(1000)]
        out = 0
        with pytest.raises(StoreUnavailable, match="full"):
            for pair in pairs:
                journal.sent(*pair)
                out += 1
        for pair in pairs[:out]:
            one, full = ended(pair)
            journal.done(one, structs.replace(full, error_message="x\n" * 50_000, trace=("y" * 50_000,)))
        [path] = (store.folder / "journal").iterdir()
        copy = path.read_bytes()
        await journal.close()
        assert len(await stored(database)) == out
    other = await store.another("other")
    async with other.opened() as database:
        (other.folder / "journal").mkdir()
        (other.folder / "journal" / f"{database.id}-1-dead.journal").write_bytes(copy)
        await (await Journal.open(other.folder / "journal", database)).close()
        assert [one.status for one in (await stored(database)).values()] == ["ok"] * out


async def test_a_record_that_the_database_refuses_holds_up_no_other(store: Store) -> None:
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        good, bad = begun(1), begun(2)
        for pair in (good, bad):
            journal.sent(*pair)
        journal.done(bad[0], structs.replace(bad[1], cost=2**70))
        journal.done(*ended(good))
        await journal.flush()
        assert list(await stored(database)) == [good[1].id]
        assert str(2**70) in (store.folder / "journal" / "rejected.jsonl").read_text()
        await journal.close()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

async def main():
    folder = Path(sys.argv[2])
    database = await Database.open(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    try:
        await Journal.open(folder / "journal", database)
    except StoreUnavailable as error:
        print(error.code, sorted(path.name for path in (folder / "journal").iterdir()))
    await database.close()

asyncio.run(main())
"""


async def test_without_room_for_the_journal_no_call_is_let_out(store: Store) -> None:
    assert await output(await child(FULL, store.url, store.folder)) == "store_unavailable []\n"


async def test_noting_a_call_costs_little(store: Store) -> None:
    """20 microseconds of CPU are allowed for each note; measured 4."""
    async with store.opened() as database:
        journal = await Journal.open(store.folder / "journal", database)
        pairs = [begun(n) for n in range(1000)]
        finished = [ended(pair) for pair in pairs]
        began = time.thread_time()
        for pair in pairs:
            journal.sent(*pair)
        for pair in finished:
            journal.done(*pair)
        each = (time.thread_time() - began) / 2000
        await journal.close()
        assert each < 20e-6
