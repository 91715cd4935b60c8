"""Responses in the background, through OpenAI's own client: an id at once, the answer later, cancelled from anywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used


@asynccontextmanager
async def client_of(home: Path, up: Upstream) -> AsyncIterator[AsyncOpenAI]:
    async with (
        serving(home, config(up.url, retry={"attempts": 1})) as q,
        AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


async def settled(client: AsyncOpenAI, name: str) -> str | None:
    """The status in which it ends."""
    for _ in range(300):
        status = (await client.responses.retrieve(name)).status
        if status not in ("queued", "in_progress"):
            return status
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} does not end")


async def test_the_answer_comes_when_it_is_there(tmp_path: Path) -> None:
    async with upstream() as up, client_of(tmp_path, up) as client:
        up.model("a", Say("Four.", hold="gate"))
        begun = await client.responses.create(model="lab/a", input="What is 2 + 2?", background=True)
        assert (begun.status, begun.background, begun.output) == ("queued", True, [])
        with pytest.raises(openai.ConflictError, match="under way"):
            await client.responses.create(model="lab/a", input="Sure?", previous_response_id=begun.id)
        up.release("gate")
        assert await settled(client, begun.id) == "completed"
        assert (await client.responses.retrieve(begun.id)).output_text == "Four."
        with pytest.raises(openai.BadRequestError, match="finished"):
            await client.responses.cancel(begun.id)
        more = await client.responses.create(model="lab/a", input="Sure?", previous_response_id=begun.id)
        assert more.output_text == "Four."


async def test_a_cancelled_one_stops_its_call(tmp_path: Path) -> None:
    async with upstream() as up, client_of(tmp_path, up) as client:
        up.model("a", Say("Four.", hold="never"))
        begun = await client.responses.create(model="lab/a", input="?", background=True)
        await up.until(lambda: up.open)
        for _ in range(2):  # again is no mistake
            assert (await client.responses.cancel(begun.id)).status == "cancelled"
        await up.until(lambda: up.count("a", outcome="dropped") == 1, 1.5)
        assert await settled(client, begun.id) == "cancelled"
        gone = await client.responses.create(model="lab/a", input="?", background=True)
        await up.until(lambda: up.open)
        await client.responses.delete(gone.id)
        await up.until(lambda: not up.open, 2.0)


async def test_what_fails_says_why(tmp_path: Path) -> None:
    async with upstream() as up, client_of(tmp_path, up) as client:
        up.model("a", Say(fail="limit"))
        begun = await client.responses.create(
            model="lab/a", input="?", background=True, extra_headers={"x-quorum-timeout": "1"}
        )
        assert await settled(client, begun.id) == "failed"
        error = (await client.responses.retrieve(begun.id)).error
        assert error is not None
        assert error.message


async def test_another_server_may_cancel_it(tmp_path: Path) -> None:
    async with upstream() as up, client_of(tmp_path, up) as here, client_of(tmp_path, up) as there:
        up.model("a", Say("Four.", hold="never"))
        begun = await here.responses.create(model="lab/a", input="?", background=True)
        await up.until(lambda: up.open)
        assert (await there.responses.retrieve(begun.id)).status == "in_progress"
        assert (await there.responses.cancel(begun.id)).status == "cancelled"
        await up.until(lambda: not up.open, 2.0)
        assert await settled(here, begun.id) == "cancelled"


async def test_a_server_that_stops_says_so_in_the_answer(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", Say("Four.", hold="never"))
        async with client_of(tmp_path, up) as client:
            begun = await client.responses.create(model="lab/a", input="?", background=True)
            await up.until(lambda: up.open)
        async with client_of(tmp_path, up) as client:
            assert await settled(client, begun.id) == "failed"
