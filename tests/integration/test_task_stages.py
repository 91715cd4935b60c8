"""Tasks go through the stages that chats go through: budgets, records of what was cut, fallbacks, keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from tests.integration.providers.byteserver import ByteServer, End, byte_server
from tests.support.keys import BEARER, BOOTSTRAP
from tests.support.media import wav
from tests.support.rest import Answer, Rest
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]


class World(NamedTuple):
    up: Upstream
    q: Rest
    held: ByteServer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """`lab` has a price and a budget, `far` has neither, `held` never answers."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        far = await stack.enter_async_context(upstream("127.0.0.2"))  # on this machine all is free
        held = await stack.enter_async_context(byte_server())
        held.answer = lambda _: [End.HANG]
        budgets = [{"period": "daily", "limit": 0.05, "provider": name} for name in ("lab", "far")]
        given = config(up.url, budgets=budgets, fallbacks={"olla/m": ["lab/m"]})
        given["providers"] |= {
            "far": {"wire": "openai", "base_url": far.url},
            "held": {"wire": "openai", "base_url": f"{held.url}/v1", "models": ["m"]},
            "olla": {"wire": "ollama", "base_url": held.url, "models": ["m"]},
        }
        q = await stack.enter_async_context(serving(tmp_path, given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP))
        q.headers = dict(BEARER)
        yield World(up, q, held)


BODIES: dict[str, dict[str, Any]] = {
    "/v1/images/generations": {"prompt": "a cat"},
    "/v1/audio/speech": {"input": "Two and two.", "voice": "alloy"},
    "/v1/audio/transcriptions": {},
    "/v1/moderations": {"input": "be kind"},
    "/v1/embeddings": {"input": "be kind"},
}


async def ask(q: Rest, path: str, model: str, **more: Any) -> Answer:
    if path != "/v1/audio/transcriptions":
        return await q.post(path, {"model": model} | BODIES[path], **more)
    form = aiohttp.FormData({"model": model})
    form.add_field("file", wav(0.1), filename="a.wav")
    return await q.request("POST", path, data=form, **more)


async def test_an_operator_s_budget_is_drawn_from_and_refuses(world: World) -> None:
    up, q, _ = world
    total = 0.0
    for path in BODIES:
        made = await ask(q, path, "lab/m")
        assert made.status == 200, (path, made.body)
        refused = await ask(q, path, "far/m")
        assert (refused.status, refused.error["code"]) == (402, "insufficient_quota"), (path, refused.body)
        total += (await q.get("/api/calls?limit=1"))["calls"][0]["cost"] or 0
    budgets = {one["provider"]: one for one in (await q.get("/api/budget"))["budgets"]}
    assert budgets["lab"]["spent"] == pytest.approx(total)
    assert (budgets["lab"]["reserved"], budgets["far"]["spent"]) == (0, 0)
    assert total > 0.0004  # the image alone
    # Ten of the dearest images would not fit, whatever ten cheap ones cost.
    many = await q.post("/v1/images/generations", {"model": "lab/m", "prompt": "a cat", "n": 10})
    assert (many.status, many.error["code"]) == (402, "insufficient_quota")
    assert len(up.tasks) == len(BODIES)


async def test_a_caller_that_goes_away_stops_the_call(world: World) -> None:
    _, q, held = world
    for path in BODIES:
        held.asked.clear()
        held.dropped.clear()
        asking = asyncio.ensure_future(ask(q, path, "held/m"))
        await held.asked.wait()
        asking.cancel()
        await asyncio.wait_for(held.dropped.wait(), 1.5)
        for _ in range(100):
            found = (await q.get("/api/calls?limit=1"))["calls"]
            if found and found[0]["status"] == "cancelled":
                break
            await asyncio.sleep(0.02)
        assert (found[0]["status"], found[0]["provider"]) == ("cancelled", "held"), path


async def test_who_cannot_do_it_has_fallbacks(world: World) -> None:
    up, q, _ = world
    made = await ask(q, "/v1/moderations", "olla/m")
    assert (made.status, made.headers["x-quorum-model"]) == (200, "lab/m"), made.body
    assert len(up.tasks) == 1


async def test_a_key_may_call_only_its_models(world: World) -> None:
    up, q, _ = world
    key = (await q.post("/api/keys", {"name": "one", "models": ["lab/only"]})).body["key"]
    for path in BODIES:
        refused = await ask(q, path, "lab/m", headers={"authorization": f"Bearer {key}"})
        assert (refused.status, refused.error["code"]) == (403, "forbidden"), (path, refused.body)
    assert not up.tasks
