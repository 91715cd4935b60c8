"""Several endpoints behind one provider's name: who is asked, who is left alone, and what is shown of them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import PRICE, QUICK_RETRY, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
HELLO = "Hello there."
ASK: dict[str, Any] = {
    "model": "lab/a", "messages": [{"role": "user", "content": "Say hello."}], "temperature": 1.0,
}  # fmt: skip


@asynccontextmanager
async def deployed(
    home: Path, *places: dict[str, Any], dead: bool = False, **more: Any
) -> AsyncIterator[tuple[list[Upstream], Rest]]:
    """A server whose provider `lab` has an upstream for each place, and with `dead` one where nobody listens."""
    async with AsyncExitStack() as opened:
        ups = [await opened.enter_async_context(upstream()) for _ in places]
        urls = [{"base_url": up.url} | place for up, place in zip(ups, places, strict=True)]
        if dead:
            urls.append({"base_url": "http://127.0.0.1:9/v1", "name": "dead"})
        for up in ups:
            up.model("a", HELLO)
        lab = {"wire": "openai", "price": PRICE, "deployments": urls} | more
        given = {"providers": {"lab": lab}, "retry": QUICK_RETRY}
        yield ups, await opened.enter_async_context(serving(home, given))


async def ask(q: Rest, **more: Any) -> Answer:
    answer = await q.post("/v1/chat/completions", ASK | more)
    assert answer.status == 200, answer.body
    return answer


async def listed(q: Rest) -> dict[str, Any]:
    providers = (await q.get("/api/providers"))["providers"]
    return next(one for one in providers if one["name"] == "lab")


async def trace(q: Rest) -> str:
    newest = (await q.get("/api/calls?limit=1"))["calls"][0]["id"]
    return "\n".join((await q.get(f"/api/calls/{newest}"))["trace"])


async def test_calls_are_spread_by_weight_and_by_load(tmp_path: Path) -> None:
    async with deployed(tmp_path, {"weight": 3}, {}) as ((heavy, light), q):
        for _ in range(12):
            await ask(q)
        assert (heavy.count(), light.count()) == (9, 3), "one after another: by weight"
        heavy.model("a", Say(HELLO, hold="gate"))
        light.model("a", Say(HELLO, hold="gate"))
        slow = [asyncio.ensure_future(ask(q)) for _ in range(8)]
        await heavy.until(lambda: len(heavy.open) + len(light.open) == 8)
        assert (len(heavy.open), len(light.open)) == (6, 2), "at once: as many as its weight"
        (_, second) = (await listed(q))["deployments"]
        assert (second["active"], second["waiting"], second["weight"]) == (2, 0, 1)
        light.release("gate")
        for _ in range(3):
            await ask(q)
        assert len(heavy.open) == 6, "while its calls last, the other one is asked"
        heavy.release("gate")
        await asyncio.gather(*slow)


async def test_a_dead_one_is_avoided_and_the_provider_goes_on(tmp_path: Path) -> None:
    async with deployed(tmp_path, {"name": "east"}, {"name": "west"}, dead=True) as (ups, q):
        for _ in range(30):
            await ask(q)
        assert sum(up.count() for up in ups) == 30
        told = await trace(q)
        assert "candidates: lab@" in told and "failed" not in told
        failures = [line for line in await every_trace(q) if "lab@dead/a failed" in line]
        assert 1 <= len(failures) <= 5, "it was tried a few times and then left alone"
        assert all("next: lab@" in line and "at once" in line for line in failures)
        provider = await listed(q)
        assert (provider["status"], provider["breaker"]) == ("healthy", "closed")
        assert [one["name"] for one in provider["deployments"]] == ["east", "west", "dead"]


async def every_trace(q: Rest) -> list[str]:
    """The lines of all calls' traces."""
    lines: list[str] = []
    for one in (await q.get("/api/calls?limit=100"))["calls"]:
        lines += (await q.get(f"/api/calls/{one['id']}"))["trace"]
    return lines


async def breaker(q: Rest, number: int) -> str:
    return (await listed(q))["deployments"][number]["breaker"]


async def test_a_breaker_of_its_own_and_one_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorum_mcp.calls.breaker.OPEN_SECONDS", 0.3)
    async with deployed(tmp_path, {"name": "east"}, {"name": "west"}) as ((east, west), q):
        east.model("a", Say(fail="auth"))
        while await breaker(q, 0) != "open":
            await ask(q)
        assert east.count() == 2
        provider = await listed(q)
        assert (provider["breaker"], provider["status"]) == ("closed", "degraded")
        assert [(one["deployment"], one["state"]) for one in provider["breakers"]] == [("east", "open")]
        east.model("a", Say(HELLO, hold="gate"))
        west.model("a", Say(HELLO, hold="gate"))
        for _ in range(100):
            await asyncio.sleep(0.02)
            if await breaker(q, 0) == "half-open":
                break
        calls = [asyncio.ensure_future(ask(q)) for _ in range(6)]
        await west.until(lambda: len(west.open) + len(east.open) == 6)
        assert len(east.open) == 1, "one call tries it, the others do not wait for that"
        east.release("gate")
        await east.until(lambda: east.count(outcome="finished") == 1)
        assert await breaker(q, 0) == "closed"
        await ask(q)
        assert east.count() == 2 + 2, "it has fewer calls under way"
        west.release("gate")
        await asyncio.gather(*calls)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_hanging_one_gives_way_within_the_deadline(tmp_path: Path, stream: bool) -> None:
    async with deployed(tmp_path, {}, {}) as ((first, second), q):
        first.model("a", Say(fail="hang"))
        began = time.monotonic()
        answer = await q.post(
            "/v1/chat/completions", ASK | {"stream": stream}, headers={"x-quorum-timeout": "2"}
        )
        assert answer.status == 200, answer.body
        assert 0.5 < time.monotonic() - began < 2
        assert (first.count(), second.count()) == (1, 1)


async def test_nothing_is_asked_anew_after_the_first_token(tmp_path: Path) -> None:
    async with deployed(tmp_path, {}, {}) as ((first, second), q):
        first.model("a", Say(HELLO * 20, fail="cut"))
        answer = await q.post("/v1/chat/completions", ASK | {"stream": True})
        assert HELLO in answer.body and '"error"' in answer.body
        assert (first.count(), second.count()) == (1, 0)


async def test_what_is_wrong_with_the_request_is_not_tried_elsewhere(tmp_path: Path) -> None:
    """But what is wrong with an endpoint's limit is."""
    async with deployed(tmp_path, {}, {}) as ((first, second), q):
        first.model("a", Say(fail="limit", retry_after=20))
        for _ in range(5):
            await ask(q)
        assert (first.count(), second.count()) == (1, 5), "one refusal, then the limit is known"
    async with deployed(tmp_path / "other", {}, {}) as ((first, second), q):
        for up in (first, second):
            up.model("a", Say(fail="error", refusal="maximum context length is 10 tokens", status=400))
        answer = await q.post("/v1/chat/completions", ASK)
        assert answer.status == 413, answer.body
        assert first.count() + second.count() == 1


async def test_azure_addresses_and_nothing_secret_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A model in the path, a version and a secret in the query, a header, and an endpoint that quotes them all."""
    told = "no: https://x/?sig=canary-query-1 key canary-key-22 header canary-header-3"
    secret = {
        "headers": {"x-gateway": "canary-header-3"},
        "api_keys": ["canary-key-22"],
        "auth": "header api-key",
    }
    async with upstream() as up:
        base = (
            up.url.removesuffix("/v1")
            + "/openai/deployments/{model}?api-version=2024-10-21&sig=canary-query-1"
        )
        up.model("gpt-east", HELLO)
        azure = secret | {"base_url": base, "name": "east", "models": {"a": "gpt-east"}}
        lab = {"wire": "openai", "price": PRICE, "deployments": [azure]}
        async with serving(tmp_path / "azure", {"providers": {"lab": lab}, "retry": QUICK_RETRY}) as q:
            await ask(q)
            (asked,) = up.asked
            assert asked.path == "/openai/deployments/gpt-east/chat/completions"
            assert asked.query == "api-version=2024-10-21&sig=canary-query-1"
            assert asked.headers["api-key"] == "canary-key-22"
            assert asked.headers["x-gateway"] == "canary-header-3"
            assert (await listed(q))["models"] == ["a"]
            up.model("gpt-east", Say(fail="auth", refusal=told))
            seen = [(await q.post("/v1/chat/completions", ASK)).body, await every_trace(q), await listed(q)]
            seen += [(await q.get(path)).body for path in ("/api/settings", "/api/calls", "/api/health")]
            assert "lab@east/a failed: HTTP 401: no: https://x/?sig=*** key *** header ***" in str(seen)
        assert "canary" not in json.dumps(seen, default=str) + "".join(capfd.readouterr())
