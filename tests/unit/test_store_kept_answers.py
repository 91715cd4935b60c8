"""Answers that are kept for repeats of a request."""

import asyncio

import pytest
from tests.support.stores import Store

from quorum_mcp.errors import Conflict
from quorum_mcp.store import kept_answers
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.kept_answers import KeptAnswers, Repeat, Turn, forget_old

pytestmark = pytest.mark.anyio
ASKED = Repeat("local/key_1", "report-7", "hash")
LONG = 60.0


async def test_one_has_the_turn_and_all_have_its_answer(store: Store) -> None:
    async with store.opened() as database:
        kept = KeptAnswers(database)
        found = await asyncio.gather(*(kept.begin(ASKED, LONG) for _ in range(20)))
        [turn] = [one for one in found if one is not None]
        assert isinstance(turn, Turn)
        await kept.keep(turn, b"four")
        assert await kept.begin(ASKED, LONG) == b"four"
        await kept.give_up(turn)  # too late: it is kept
        assert await kept.begin(ASKED, LONG) == b"four"


async def test_another_caller_or_key_is_another_request(store: Store) -> None:
    async with store.opened() as database:
        kept = KeptAnswers(database)
        for other in (ASKED, Repeat("local/key_2", "report-7", "x"), Repeat("local/key_1", "report-8", "x")):
            assert isinstance(await kept.begin(other, LONG), Turn)


async def test_a_key_says_one_thing(store: Store) -> None:
    async with store.opened() as database:
        kept = KeptAnswers(database)
        turn = await kept.begin(ASKED, LONG)
        assert isinstance(turn, Turn)
        other = Repeat(ASKED.caller, ASKED.key, "another hash")
        for _ in range(2):  # under way, and kept
            with pytest.raises(Conflict):
                await kept.begin(other, LONG)
            await kept.keep(turn, b"four")


async def test_a_turn_that_is_given_up_or_over_is_anothers(store: Store) -> None:
    async with store.opened() as database:
        kept = KeptAnswers(database)
        first = await kept.begin(ASKED, LONG)
        assert isinstance(first, Turn)
        await kept.give_up(first)
        second = await kept.begin(ASKED, -1.0)
        assert isinstance(second, Turn)
        third = await kept.begin(ASKED, LONG)
        assert isinstance(third, Turn)
        await kept.keep(second, b"late")  # its turn is over, and what it has is nobody's any more
        await kept.give_up(second)
        assert await kept.begin(ASKED, LONG) is None
        await kept.keep(third, b"four")
        assert await kept.begin(ASKED, LONG) == b"four"


async def test_after_a_day_it_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store.opened() as database:
        kept = KeptAnswers(database)
        turn = await kept.begin(ASKED, LONG)
        assert isinstance(turn, Turn)
        await kept.keep(turn, b"four")
        assert await database.write(lambda conn: forget_old(conn, 0)) == 0
        monkeypatch.setattr(kept_answers, "KEEP_SECONDS", -1)
        assert isinstance(await kept.begin(ASKED, LONG), Turn)
        assert await database.write(lambda conn: forget_old(conn, 0)) == 1
        assert await database.write(lambda conn: forget_old(conn, now_us())) == 0
