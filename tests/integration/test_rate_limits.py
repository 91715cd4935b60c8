"""Rates through the server: what is refused or waits, what callers are told, and what is learned from providers."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import bearer, make_key, showing
from tests.support.redis_server import redis_server
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import PRICE, scripted, serving
from tests.support.upstream import Upstream, upstream
from tools.redis import Server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
__all__ = ("redis_server",)
BOOT = {"QUORUM_BOOTSTRAP_KEY": "b" * 32}
HELLO = "Hello there."


def lab(up: Upstream, **more: Any) -> dict[str, Any]:
    return {"wire": "openai", "base_url": up.url, "price": dict(PRICE)} | more


async def generate(q: Rest, model: str = "lab/a", text: str = "Say hello.", **more: Any) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 1.0}
    return await q.post("/api/models/generate", body, **more)


async def rates(q: Rest) -> dict[str, Any]:
    answer = await q.get("/api/rate-limits")
    assert answer.status == 200, answer.body
    return answer.body


async def test_what_is_set_is_shown_and_used(tmp_path: Path) -> None:
    limits = {"requests_per_minute": 6, "tokens_per_minute": 6_000}
    async with upstream() as up, serving(tmp_path, {"providers": {"lab": lab(up, limits=limits)}}) as q:
        up.model("a", HELLO)
        assert (await rates(q))["lab"] == limits | {"requests_available": 6, "tokens_available": 6_000}
        answer = await generate(q)
        assert answer.status == 200
        used = answer["input_tokens"] + answer["output_tokens"]
        shown = (await rates(q))["lab"]
        assert shown["requests_available"] == 5
        assert 6_000 - used <= shown["tokens_available"] <= 6_000 - used + 200  # corrected to what was used
        providers = {p["name"]: p["rate_limit"] for p in (await q.get("/api/providers"))["providers"]}
        assert providers["lab"]["requests_available"] == 5
        assert (await rates(q))["builtin"] == dict.fromkeys(shown)
        assert "x-ratelimit-limit-requests" not in answer.headers  # these are not the caller's own


async def test_defaults_hold_where_nothing_is_set(tmp_path: Path) -> None:
    more = {"DEFAULT_REQUESTS_PER_MINUTE": "7", "DEFAULT_TOKENS_PER_MINUTE": "700"}
    entry = {"wire": "openai", "base_url": "http://models.example/v1", "model": "a", "price": dict(PRICE)}
    free = entry | {"price": {"input_per_million": 0, "output_per_million": 0}}
    providers = {"lab": entry, "half": entry | {"limits": {"requests_per_minute": 9}}, "free": free}
    async with serving(tmp_path, {"providers": providers}, **more) as q:
        shown = await rates(q)
    assert (shown["lab"]["requests_per_minute"], shown["lab"]["tokens_per_minute"]) == (7, 700)
    assert (shown["half"]["requests_per_minute"], shown["half"]["tokens_per_minute"]) == (9, 700)
    assert set(shown["free"].values()) == {None}


async def test_a_call_waits_for_its_tokens_and_others_wait_behind_it(tmp_path: Path) -> None:
    async with upstream() as up:
        entry = lab(up, limits={"requests_per_minute": 1_000, "tokens_per_minute": 6_000})
        async with serving(tmp_path, {"providers": {"lab": entry}}) as q:
            up.model("a", HELLO)
            assert (
                await generate(q, text="words " * 5_950)
            ).status == 200  # 50 tokens are left, 100 come a second
            began = time.monotonic()
            large = asyncio.ensure_future(generate(q, text="words " * 200))
            await asyncio.sleep(0.3)
            small = asyncio.ensure_future(generate(q, text="hi"))
            answers = [await large, await small]
            waited = time.monotonic() - began
            lines = [(await q.get(f"/api/calls/{answer['call_id']}"))["trace"] for answer in answers]
    assert [answer.status for answer in answers] == [200, 200]
    assert [len(asked.prompt) for asked in up.asked[1:]] == [1200, 2], "who came first was served first"
    assert 1.5 < waited < 10
    assert all(any("waited" in line for line in trace) for trace in lines)


async def test_a_key_is_refused_what_it_may_not_and_told_when(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, {"providers": {"lab": lab(up)}}, **BOOT) as q:
        up.model("a", HELLO)
        admin = Rest(q.url, bearer(BOOT["QUORUM_BOOTSTRAP_KEY"]), q.session)
        key = await make_key(admin, requests_per_minute=2, tokens_per_minute=5_000)
        caller = showing(q, key["key"])
        first, second = await generate(caller), await caller.query("2 + 2?", ["lab/a"], timeout_seconds=5)
        assert (first.status, second.status) == (200, 200)
        headers = [answer.headers for answer in (first, second)]
        assert [h["x-ratelimit-limit-requests"] for h in headers] == ["2", "2"]
        assert [h["x-ratelimit-remaining-requests"] for h in headers] == ["1", "0"]
        assert [h["x-ratelimit-limit-tokens"] for h in headers] == ["5000", "5000"]
        assert 4_500 < int(headers[1]["x-ratelimit-remaining-tokens"]) < 5_000
        assert 25 < float(headers[0]["x-ratelimit-reset-requests"].removesuffix("s")) <= 30
        refused = await caller.query("3 + 3?", ["lab/a"], timeout_seconds=5)
        assert (refused.status, refused.error["code"]) == (429, "rate_limited")
        assert 20 < int(refused.headers["retry-after"]) <= 60
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert up.count("a") == 2
        # The same on the model APIs, whole and as a stream.
        for more in ({}, {"stream": True}):
            body = {
                "model": "lab/a",
                "messages": [{"role": "user", "content": "hi"}],
                "temperature": 1,
            } | more
            key = await make_key(admin, f"chat {more}", requests_per_minute=1)
            chat = showing(q, key["key"])
            answers = [
                await chat.post("/v1/chat/completions", body, headers={"x-quorum-timeout": "5"})
                for _ in range(2)
            ]
            assert [answer.status for answer in answers] == [200, 429]
            for answer in answers:
                assert answer.headers["x-ratelimit-limit-requests"] == "1"
                assert answer.headers["x-ratelimit-remaining-requests"] == "0"
            assert int(answers[1].headers["retry-after"]) > 20
        # Others are not held up: neither another key, nor whoever has none.
        other = showing(q, (await make_key(admin, "another", requests_per_minute=2))["key"])
        assert (await generate(other)).status == 200
        assert (await generate(admin)).status == 200


async def test_who_waits_for_its_own_limit_takes_no_place_from_others(tmp_path: Path) -> None:
    async with upstream() as up:
        entry = lab(up, limits={"concurrency": 1})
        async with serving(tmp_path, {"providers": {"lab": entry}}, **BOOT) as q:
            up.model("a", HELLO)
            admin = Rest(q.url, bearer(BOOT["QUORUM_BOOTSTRAP_KEY"]), q.session)
            slow = showing(q, (await make_key(admin, requests_per_minute=1))["key"])
            assert (await generate(slow)).status == 200
            waiting = [asyncio.ensure_future(generate(slow)) for _ in range(3)]  # a minute, two, three
            await asyncio.sleep(0.3)
            began = time.monotonic()
            assert [(await generate(admin)).status for _ in range(3)] == [200] * 3
            assert time.monotonic() - began < 8
            refused = await slow.query("2 + 2?", ["lab/a"], timeout_seconds=5)
            assert refused.status == 429
            assert 200 < int(refused.headers["retry-after"]) <= 240, "three others come before"
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert up.count("a") == 4


async def test_a_key_that_waits_goes_on(tmp_path: Path) -> None:
    """The line of a key moves: many calls at once are all served, as fast as the key may."""
    async with upstream() as up, serving(tmp_path, {"providers": {"lab": lab(up)}}, **BOOT) as q:
        up.model("a", HELLO)
        admin = Rest(q.url, bearer(BOOT["QUORUM_BOOTSTRAP_KEY"]), q.session)
        key = await make_key(admin, tokens_per_minute=3_000)  # 50 a second
        caller = showing(q, key["key"])
        assert (await generate(caller, text="words " * 2_990)).status == 200
        began = time.monotonic()
        answers = await asyncio.gather(*(generate(caller, text="word " * 15) for _ in range(6)))
        assert [answer.status for answer in answers] == [200] * 6
        assert 1 < time.monotonic() - began < 12
        traces = [(await admin.get(f"/api/calls/{answer['call_id']}"))["trace"] for answer in answers]
    assert sum(any("waited" in line and "key" in line for line in trace) for trace in traces) >= 4


async def test_models_and_tenants_have_limits_of_their_own(tmp_path: Path) -> None:
    async with upstream() as up:
        given = {
            "providers": {"lab": lab(up, model_limits={"a": {"requests_per_minute": 1}})},
            "server": {"tenant_limits": {"local": {"requests_per_minute": 3}}},
        }
        async with serving(tmp_path, given) as q:
            up.model("a", HELLO)
            up.model("b", HELLO)
            answers = [
                await q.query("2 + 2?", [f"lab/{m}"], timeout_seconds=4) for m in ("a", "a", "b", "b", "b")
            ]
    assert [answer.status for answer in answers] == [200, 429, 200, 200, 429]
    assert "model lab/a" in answers[1].error["message"]
    assert "tenant local" in answers[4].error["message"]
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["2", "2", "1", "0", "0"]


async def test_a_providers_limits_are_learned(tmp_path: Path) -> None:
    told = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-limit-tokens": "30000",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-remaining-tokens": "29000",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    async with upstream() as up:
        providers = {"lab": lab(up), "firm": lab(up, limits={"requests_per_minute": 40})}
        async with serving(tmp_path, {"providers": providers}) as q:
            up.model("a", Say(HELLO, headers=told))
            assert (await generate(q)).status == 200
            shown = (await rates(q))["lab"]
            assert (shown["requests_per_minute"], shown["tokens_per_minute"]) == (500, 30_000)
            assert 3 <= shown["requests_available"] < 100  # it refills from 3 on
            assert 28_900 <= shown["tokens_available"] < 30_000
            # What the user has set goes on to hold beside it.
            assert (await generate(q, "firm/a")).status == 200
            assert (await rates(q))["firm"]["requests_per_minute"] == 40


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_a_limit_that_is_used_up_is_waited_for(tmp_path: Path, vendor: str) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    told = {
        "openai": {
            "x-ratelimit-limit-requests": "100",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "0m30s",
        },
        "anthropic": {
            "anthropic-ratelimit-requests-limit": "100",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": at,
        },
    }
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(HELLO, headers=told[vendor]))
        up.model("b", HELLO)
        assert (await generate(q)).status == 200
        shown = (await rates(q))["lab"]
        assert (shown["requests_per_minute"], shown["requests_available"]) == (100, 0)
        refused = await q.query("2 + 2?", ["lab/a"], timeout_seconds=5)
        assert (refused.status, refused.error["code"]) == (502, "provider_rate_limited")
        assert 15 < int(refused.headers["retry-after"]) <= 31
        assert up.count("a") == 1
        assert (await q.query("2 + 2?", ["lab/b"], timeout_seconds=5)).status == 200  # another model's limit


async def test_who_refuses_is_left_alone_until_the_time_it_told(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [Say(fail="limit", retry_after=40), HELLO])
        up.model("b", HELLO)
        refused = await q.query("2 + 2?", ["lab/a"], timeout_seconds=5)
        assert (refused.status, refused.error["code"]) == (502, "provider_rate_limited")
        again = await q.query("2 + 2?", ["lab/a"], timeout_seconds=5)
        assert (again.status, again.error["code"]) == (502, "provider_rate_limited")
        assert 30 < int(again.headers["retry-after"]) <= 40
        assert up.count("a") == 1
        assert (await q.query("2 + 2?", ["lab/b"], timeout_seconds=5)).status == 200
        up.model("c", [Say(fail="limit", retry_after=0.5), HELLO])
        assert (await q.query("2 + 2?", ["lab/c"], timeout_seconds=9)).status == 200


@pytest.mark.needs("redis")
async def test_servers_share_their_rates_in_redis(tmp_path: Path, redis_server: Server) -> None:
    async with upstream() as up:
        given = {"providers": {"lab": lab(up, limits={"requests_per_minute": 3, "tokens_per_minute": 900})}}
        env = {"REDIS_URL": redis_server.url}
        async with serving(tmp_path, given, **env) as one, serving(tmp_path, given, **env) as two:
            up.model("a", HELLO)
            answers = [await q.query("2 + 2?", ["lab/a"], timeout_seconds=4) for q in (one, two, one, two)]
            assert [answer.status for answer in answers] == [200, 200, 200, 429]
            shown = [(await rates(q))["lab"] for q in (one, two)]
            assert [s["requests_available"] for s in shown] == [0, 0]
            assert abs(shown[0]["tokens_available"] - shown[1]["tokens_available"]) < 30
            health = await one.get("/api/health")
            assert health["status"] == "healthy"
            assert "Redis" in health["checks"]["limits"]
