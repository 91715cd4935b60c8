"""The cache of answers as callers meet it, in memory and in Redis."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.simulated import sim
from tests.support.cli import command
from tests.support.keys import BEARER, BOOTSTRAP, make_key, showing
from tests.support.rest import Answer, Rest, client
from tests.support.script import Asked, Say
from tests.support.server import config, environment, serving, write_config
from tests.support.upstream import Upstream, upstream
from tools.redis import Server, server

from quorum_mcp.answers import TextDelta
from quorum_mcp.app import running
from quorum_mcp.calls.call import Call, Result
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.config.load import load
from quorum_mcp.messages import ModelRequest, message

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
FOUR = "Two and two is four."
World = Callable[..., AbstractAsyncContextManager[tuple[Upstream, Rest]]]


@pytest.fixture(scope="module")
def redis() -> Iterator[Server]:
    with server() as own:
        yield own


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.needs("redis"))])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A server whose cache is in memory or in Redis, over an upstream that counts."""
    shared = request.getfixturevalue("redis") if request.param == "redis" else None

    @asynccontextmanager
    async def made(home: Path = tmp_path, **more: Any) -> AsyncIterator[tuple[Upstream, Rest]]:
        env = {name: more.pop(name) for name in [*more] if name.isupper()}
        env |= {} if shared is None else {"REDIS_URL": shared.url}
        more["cache"] = {"backend": request.param} | more.get("cache", {})
        async with upstream() as up, serving(home, config(up.url, **more), **env) as rest:
            yield up, rest

    return made


async def generate(
    q: Rest, text: str = "2+2?", *, headers: dict[str, str] | None = None, **more: Any
) -> Answer:
    body = {"model": "lab/a", "messages": [{"role": "user", "content": text}], "temperature": 0.2} | more
    return await q.post("/api/models/generate", body, headers=headers or {})


async def trace(q: Rest, call_id: str) -> str:
    return "\n".join((await q.get(f"/api/calls/{call_id}"))["trace"])


async def test_an_exact_repeat_costs_nothing(world: World) -> None:
    async with world() as (up, q):
        up.model("a", FOUR)
        first = await generate(q)
        again = await generate(q)
        assert (first["cached"], again["cached"], up.count("a")) == (False, True, 1)
        assert first["cost"] > 0
        assert again["cost"] == 0
        same = (
            "answer",
            "reasoning",
            "provider",
            "model",
            "stop",
            "input_tokens",
            "output_tokens",
            "simulated",
        )
        assert {name: first[name] for name in same} == {name: again[name] for name in same}
        record = (await q.get(f"/api/calls/{again['call_id']}")).body
        assert (record["status"], record["attempts"], record["cost"]) == ("ok", 0, 0)
        assert "cache: miss (llm:lab:a:" in await trace(q, first["call_id"])
        assert "cache: hit (llm:lab:a:" in await trace(q, again["call_id"])
        shown = (await q.get("/api/cache")).body
        assert (shown["hits"], shown["misses"], shown["hit_rate"], shown["entries"]) == (1, 1, 0.5, 1)


async def test_a_request_can_do_without(world: World) -> None:
    async with world() as (up, q):
        up.model("a", FOUR)
        await generate(q)
        for refused in (
            await generate(q, cache=False),
            await generate(q, headers={"x-quorum-cache": "off"}),
            await generate(q, temperature=0.9),
            await generate(q, temperature=None),
        ):
            assert not refused["cached"]
            assert refused.status == 200
            assert "cache: not for this call" in await trace(q, refused["call_id"])
        assert up.count("a") == 5
        assert (await generate(q, headers={"x-quorum-cache": "on"}))["cached"]


async def test_providers_that_are_left_out(world: World) -> None:
    async with world(cache={"skip_providers": ["lab"]}) as (up, q):
        up.model("a", FOUR)
        await generate(q)
        assert not (await generate(q))["cached"]


async def test_every_answer_is_the_requests_own(world: World) -> None:
    def echo(asked: Asked) -> str:
        return json.dumps([asked.messages, asked.body["temperature"], asked.body.get("max_tokens")])

    async with world() as (up, q):
        up.model("a", echo)
        texts = ("2+2?", "2+2 ?", " 2+2?", "2+2?\n", "2+3?", "2\u200b+2?", "Café", "Cafe\u0301", "CAFÉ")
        turns = [[{"role": role, "content": text}] for text in texts for role in ("user", "assistant")]
        turns += [turns[0] + turns[1], turns[1] + turns[0]]
        requests = [(t, c, m) for t in turns for c in (0.0, 0.2) for m in (500, 501)] * 2
        answers = await asyncio.gather(
            *(generate(q, messages=t, temperature=c, max_tokens=m) for t, c, m in requests)
        )
        for asked, got in zip(requests, answers, strict=True):
            assert json.loads(got["answer"]) == list(asked)
        assert up.count("a") == len(requests) / 2


async def test_equal_calls_at_the_same_time_are_one(world: World) -> None:
    async with world() as (up, q):
        up.model("a", Say(FOUR, hold="go"))
        asking = [asyncio.create_task(generate(q)) for _ in range(8)]
        await up.until(lambda: up.open)
        await asyncio.sleep(0.1)
        up.release("go")
        answers = await asyncio.gather(*asking)
        assert {a["answer"] for a in answers} == {FOUR}
        assert up.count("a") == 1
        assert sum(a["cost"] > 0 for a in answers) == 1
        assert sum(a["cached"] for a in answers) == 7


async def test_they_survive_a_leader_that_is_cancelled_or_fails(world: World) -> None:
    async with world(retry={"attempts": 1}) as (up, q):
        up.model("a", [Say(FOUR, hold="never"), Say(fail="error", latency=0.2), Say(FOUR)])
        leader = asyncio.create_task(generate(q))
        await up.until(lambda: up.open)
        asking = [asyncio.create_task(generate(q)) for _ in range(5)]
        await asyncio.sleep(0.1)
        leader.cancel()
        answers = await asyncio.gather(*asking)
        assert sorted(a.status for a in answers) == [200] * 4 + [502]
        assert [a.outcome for a in up.asked] == ["dropped", "failed", "finished"]


async def test_seats_never_share_an_answer(world: World) -> None:
    async with world() as (up, q):
        up.model("a", "CONCLUSION: 4")
        for _ in range(2):
            await q.ask("2+2?", ["lab/a", "lab/a"], temperature=0.0, samples=2, exhaustive=True)
        assert up.count("a", "seat") == 8


async def test_clearing(world: World) -> None:
    async with world() as (up, q):
        up.model("a", FOUR)
        up.model("b", FOUR)
        key = (await trace(q, (await generate(q))["call_id"])).partition("cache: miss (")[2].partition(")")[0]
        await generate(q, model="lab/b")
        for query, removed in (("provider=den", 0), ("model=b", 1), (f"key={key}0", 0)):
            assert (await q.request("DELETE", f"/api/cache?{query}"))["removed"] == removed
        assert (await generate(q))["cached"]
        assert (await q.request("DELETE", "/api/cache", params={"key": key}))["removed"] == 1
        assert not (await generate(q))["cached"]
        assert (await q.request("DELETE", "/api/cache"))["removed"] == 1
        wrong = await q.request("DELETE", "/api/cache?providers=lab")
        assert (wrong.status, wrong.error["code"]) == (422, "invalid_input")


async def test_organizations_have_only_their_own(world: World) -> None:
    async with world(QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as (up, operator):
        up.model("a", FOUR)
        operator.headers |= BEARER
        callers: list[Rest] = []
        for name in ("first", "second"):
            organization = (await operator.post("/api/organizations", {"name": name}))["id"]
            made = await make_key(operator, organization=organization, scopes=["ask", "read", "write"])
            callers.append(showing(operator, made["key"]))
        first, second = callers
        key = (
            (await trace(first, (await generate(first))["call_id"]))
            .partition("cache: miss (")[2]
            .partition(")")[0]
        )
        assert (await generate(first))["cached"]
        assert not (await generate(second))["cached"]
        assert not (await generate(operator))["cached"]
        assert up.count("a") == 3
        other = await make_key(operator, scopes=["ask"], models=["lab/b"])
        assert (await generate(showing(operator, other["key"]))).status == 403  # kept or not
        shown = [(await q.get("/api/cache")).body for q in (first, second, operator)]
        assert [(one["entries"], one["hits"], one["misses"]) for one in shown] == [
            (1, 1, 1),
            (1, 0, 1),
            (3, 1, 3),
        ]
        assert (await second.request("DELETE", "/api/cache", params={"key": key}))["removed"] == 0
        assert (await second.request("DELETE", "/api/cache"))["removed"] == 1
        assert (await generate(first))["cached"]
        assert (await operator.request("DELETE", "/api/cache"))["removed"] == 2
        assert not (await generate(first))["cached"]


async def test_the_model_api_says_so_and_metrics_count(world: World) -> None:
    async with world() as (up, q):
        up.model("a", FOUR)
        body = {"model": "lab/a", "messages": [{"role": "user", "content": "2+2?"}], "temperature": 0}
        answers = [await q.post("/v1/chat/completions", body) for _ in range(2)]
        assert [a.headers["x-quorum-cache"] for a in answers] == ["miss", "hit"]
        assert [a["choices"][0]["message"]["content"] for a in answers] == [FOUR, FOUR]
        stream = await q.post("/v1/chat/completions", body | {"stream": True})
        pieces = [json.loads(line[6:]) for line in stream.body.splitlines() if line.startswith("data: {")]
        assert "".join(c["delta"].get("content") or "" for p in pieces for c in p["choices"]) == FOUR
        off = await q.post("/v1/chat/completions", body, headers={"x-quorum-cache": "off"})
        assert off.headers["x-quorum-cache"] == "miss"
        unknown = await q.post("/v1/chat/completions", body | {"logit_bias": {"1": -100}})
        assert unknown.headers["x-quorum-cache"] == "miss"
        assert up.count("a") == 3
        assert "orchestrator_cache_hit_rate 0.5" in (await q.get("/metrics")).body


@pytest.mark.needs("redis")
async def test_two_servers_share_one_redis(tmp_path: Path, redis: Server) -> None:
    async with upstream() as up:
        given = config(up.url, cache={"backend": "redis"})
        up.model("a", FOUR)
        async with (
            serving(tmp_path, given, REDIS_URL=redis.url) as one,
            serving(tmp_path, given, REDIS_URL=redis.url) as two,
        ):
            assert not (await generate(one))["cached"]
            await asyncio.sleep(0.3)  # it is written in the background
            assert (await generate(two))["cached"]
            assert (await two.request("DELETE", "/api/cache"))["removed"] == 1
            assert not (await generate(one))["cached"]


@pytest.mark.needs("redis")
async def test_answers_go_on_without_redis(tmp_path: Path) -> None:
    with server() as own:
        async with upstream() as up, serving(
            tmp_path, config(up.url, cache={"backend": "redis"}), REDIS_URL=own.url
        ) as q:  # fmt: skip
            up.model("a", FOUR)
            await generate(q)
            own.kill()
            assert not (await generate(q))["cached"]
            assert (await q.get("/api/cache"))["entries"] is None
            refused = await q.request("DELETE", "/api/cache")
            assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
            own.start()


async def test_a_stream_is_answered_from_it_and_what_is_simulated_says_so(tmp_path: Path) -> None:
    async with sim() as (simulated, _):
        given = config(f"{simulated.url}/v1")
        file = write_config(tmp_path, given)
        async with running(load(config=file, env=environment(tmp_path, file, {}), cwd=tmp_path)) as services:
            calls = services.get(Calls)

            async def stream() -> tuple[str, Result]:
                request = ModelRequest("", (message("user", "What is 2 + 2?"),), temperature=0.0)
                call = Call(model="lab/atlas", request=request, deadline=time.monotonic() + 20)
                items = [item async for item in calls.stream(call)]
                assert isinstance(items[-1], Result)
                return "".join(item.text for item in items if isinstance(item, TextDelta)), items[-1]

            text, first = await stream()
            repeated, again = await stream()
            assert text == repeated == again.answer.text
            assert text
            assert (first.attempts, again.attempts, again.cost) == (1, 0, 0)
            assert first.simulated
            assert again.simulated


async def test_the_command(tmp_path: Path) -> None:
    async with command("server", tmp_path) as (up, cli):
        up.model("a", FOUR)
        async with client(cli.env["QUORUM_URL"]) as q:
            await generate(q)
            await generate(q)
        shown = await cli("cache", "stats")
        assert shown.status == 0
        assert "hit rate 50.0%: 1 hits, 0 joined, 1 misses" in shown.out
        assert "1 answers kept" in shown.out
        assert (await cli("cache", "clear", "--model", "lab/b", "--json")).json == {"removed": 0}
        assert (await cli("cache", "clear", "--provider", "lab")).out == "1 answers removed\n"
        assert (await cli("cache", "stats", "--json")).json["entries"] == 0


async def test_the_command_alone_says_whose_cache_it_is(tmp_path: Path) -> None:
    async with command("embedded", tmp_path) as (_, cli):
        shown = await cli("cache", "stats")
        assert "no call yet" in shown.out
        assert "--url" in shown.err


async def test_redis_needs_an_address(tmp_path: Path) -> None:
    async with command("embedded", tmp_path, cache={"backend": "redis"}) as (_, cli):
        refused = await cli("cache", "stats")
        assert refused.status == 2
        assert "needs the variable REDIS_URL" in refused.err
