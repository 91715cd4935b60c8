"""One model call through the pipeline: retries, fallback, places, the breaker, records, and what it costs."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
HELLO = "Hello there."


async def generate(q: Rest, model: str, **more: Any) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]} | more
    return await q.post("/api/models/generate", body)


async def record(q: Rest, call_id: str) -> dict[str, Any]:
    answer = await q.get(f"/api/calls/{call_id}")
    assert answer.status == 200, answer.body
    return answer.body


async def only_record(q: Rest) -> dict[str, Any]:
    (call,) = (await q.get("/api/calls"))["calls"]
    return await record(q, call["id"])


async def test_a_call_and_its_record(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", HELLO)
        answer = await generate(q, "lab/a", temperature=0.5, max_tokens=99)
        assert answer.status == 200
        asked = up.asked[0]
        assert asked.messages == [{"role": "user", "content": "Say hello."}]
        assert asked.body["temperature"] == 0.5
        kept = await record(q, answer["call_id"])
    cost = (asked.input_tokens * 1.0 + asked.output_tokens * 2.0) / 1e6
    assert (answer["answer"], answer["stop"], answer["simulated"]) == (HELLO, "stop", False)
    assert (answer["input_tokens"], answer["output_tokens"]) == (asked.input_tokens, asked.output_tokens)
    assert answer["cost"] == pytest.approx(cost)
    assert (kept["status"], kept["attempts"], kept["role"], kept["surface"]) == ("ok", 1, "generate", "rest")
    assert kept["cost"] == pytest.approx(cost)
    assert kept["price_source"] == "settings"
    assert not kept["estimated"]
    assert kept["trace"]


async def test_failures_that_pass_are_retried(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [Say(fail="error"), Say("Half an answer, then nothing. " * 5, fail="cut"), Say(HELLO)])
        answer = await generate(q, "lab/a")
        kept = await record(q, answer["call_id"])
        assert up.count("a") == 3
    assert answer["answer"] == HELLO
    assert (kept["status"], kept["attempts"]) == ("ok", 3)
    assert sum("failed" in line for line in kept["trace"]) == 2
    # The cut attempt was billed as far as it is known; the refused one was not.
    assert answer["cost"] > (answer["input_tokens"] + 2 * answer["output_tokens"]) / 1e6


async def test_failures_that_stay_are_not(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(fail="auth"))
        answer = await generate(q, "lab/a")
        assert (answer.status, answer.error["code"]) == (502, "provider_auth")
        assert up.count("a") == 1
        kept = await only_record(q)
    assert (kept["status"], kept["error"]["code"], kept["cost"]) == ("error", "provider_auth", 0)


async def test_the_attempts_are_counted(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 2, "min_seconds": 0.05, "max_seconds": 0.1}) as (up, q):
        up.model("a", Say(fail="error"))
        answer = await generate(q, "lab/a")
        assert (answer.status, answer.error["code"]) == (502, "provider_unavailable")
        assert (answer.error["details"]["provider"], answer.error["details"]["model"]) == ("lab", "a")
        assert up.count("a") == 2


async def test_a_provider_that_says_when_is_believed(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [Say(fail="limit", retry_after=0.6), Say(HELLO)])
        began = time.monotonic()
        assert (await generate(q, "lab/a"))["answer"] == HELLO
        assert 0.6 <= time.monotonic() - began < 3
        assert up.asked[1].at - up.asked[0].at >= 0.6


async def test_a_wait_that_ends_after_the_deadline_is_not_begun(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(fail="limit", retry_after=60))
        began = time.monotonic()
        answer = await q.query("2 + 2?", ["lab/a"], timeout_seconds=5)
        assert time.monotonic() - began < 2
        assert (answer.status, answer.error["code"]) == (502, "provider_rate_limited")
        assert answer.headers["retry-after"] == "60"
        assert up.count("a") == 1


async def test_waits_grow(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 4, "min_seconds": 0.1, "max_seconds": 0.2}) as (up, q):
        up.model("a", Say(fail="error"))
        await generate(q, "lab/a")
        times = [asked.at for asked in up.asked]
    waits = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert len(waits) == 3
    assert waits[0] >= 0.08
    assert all(wait >= 0.15 for wait in waits[1:])


async def test_the_fallback_chain(tmp_path: Path) -> None:
    chain = {"lab/a": ["lab/b", "lab/c"]}
    async with scripted(tmp_path, fallbacks=chain) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", Say(fail="auth"))
        up.model("c", HELLO)
        answer = await generate(q, "lab/a")
        kept = await record(q, answer["call_id"])
        assert [asked.model for asked in up.asked] == ["a", "a", "b", "c"]
        assert (answer["provider"], answer["model"], answer["answer"]) == ("lab", "c", HELLO)
        assert (kept["model"], kept["attempts"], kept["status"]) == ("c", 4, "ok")
        assert "lab/a, lab/b, lab/c" in kept["trace"][0]
        assert len((await q.get("/api/calls"))["calls"]) == 1
        # A seat is its model: another one's answer in its name would be a second vote.
        seat = await q.query("2 + 2?", ["lab/a"], timeout_seconds=3)
        assert seat.status == 502
        assert up.count("c") == 1


async def test_a_providers_places_are_never_exceeded(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 1}) as (up, q):
        up.model("a", Say(HELLO, latency=0.05))
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, len(up.open))
                await asyncio.sleep(0.002)

        watching = asyncio.ensure_future(watch())
        answers = await asyncio.gather(*(generate(q, "lab/a") for _ in range(35)))
        watching.cancel()
        assert {a.status for a in answers} == {200}
        assert most == 10  # MAX_CONCURRENT_REQUESTS
        assert up.count("a", outcome="finished") == 35


async def test_a_model_that_keeps_failing_is_left_alone(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 1}) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", HELLO)
        for _ in range(8):
            answer = await generate(q, "lab/a")
            assert (answer.status, answer.error["code"]) == (502, "provider_unavailable")
        assert "not asked again yet" in answer.error["message"]
        assert answer.error["details"]["retry_after"] > 0
        assert up.count("a") == 5
        assert (await generate(q, "lab/b"))["answer"] == HELLO
        states = {p["name"]: p["breaker"] for p in (await q.get("/api/providers"))["providers"]}
        assert states["lab"] == "open"
        assert (await q.get("/api/health"))["status"] in ("degraded", "unhealthy")


async def test_a_caller_that_hangs_up_stops_its_call(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say("Never whole. " * 20, hold_after="never"))
        asking = asyncio.ensure_future(generate(q, "lab/a"))
        await up.until(lambda: up.open)
        await asyncio.sleep(0.1)
        asking.cancel()
        await up.until(lambda: not up.open, 1.0)
        await asyncio.sleep(0.1)
        kept = await only_record(q)
        assert (kept["status"], kept["estimated"]) == ("cancelled", True)
        assert kept["cost"] > 0


async def test_usage_that_is_not_reported_is_estimated(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(HELLO, usage=False))
        answer = await generate(q, "lab/a")
        kept = await record(q, answer["call_id"])
    assert kept["estimated"]
    assert kept["output_tokens"] > 0
    assert kept["cost"] >= (up.asked[0].input_tokens + 2 * kept["output_tokens"]) / 1e6


async def test_every_call_has_one_record_whatever_happens(tmp_path: Path) -> None:
    """Random failures, models and hang-ups: records match what reached the upstream, one for one."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with scripted(tmp_path, fallbacks={"lab/x": ["lab/y"]}) as (up, q):
        kinds: list[Any] = [
            None,
            None,
            None,
            "error",
            "cut",
            "limit",
            "empty",
            "malformed",
            "garbage",
            "auth",
        ]
        for name in "xyz":
            script = [
                Say(HELLO * chance.randint(1, 9), fail=chance.choice(kinds), retry_after=0.05, latency=0.01)
                for _ in range(200)
            ]
            up.model(name, script)

        async def one() -> None:
            call = asyncio.ensure_future(generate(q, f"lab/{chance.choice('xyz')}"))
            if chance.random() < 0.2:
                await asyncio.sleep(chance.uniform(0, 0.05))
                call.cancel()
            await asyncio.gather(call, return_exceptions=True)

        for _ in range(3):
            await asyncio.gather(*(one() for _ in range(15)))
        await up.until(lambda: not up.open, 2.0)
        await asyncio.sleep(0.2)
        calls = (await q.get("/api/calls?limit=500"))["calls"]
        # What is written down just before it leaves may be cancelled while its connection is being made.
        unheard = sum(call["attempts"] for call in calls) - len(up.asked)
        assert 0 <= unheard <= sum(call["status"] == "cancelled" for call in calls), f"seed {seed}"
        assert len({call["id"] for call in calls}) == len(calls) <= 45
        read = sum(a.input_tokens for a in up.asked if a.outcome == "finished")
        assert read > 0
        spent = sum(call["cost"] for call in calls)
        finished = [a for a in up.asked if a.outcome == "finished"]
        assert spent >= sum(a.input_tokens + 2 * a.output_tokens for a in finished) / 1e6 * 0.999


async def test_lists_of_calls(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", HELLO)
        up.model("b", Say(fail="auth"))
        for _ in range(3):
            await generate(q, "lab/a")
        await generate(q, "lab/b")
        run = (await q.ask("2 + 2?", ["lab/a"]))["session_id"]

        async def ids(query: str) -> list[str]:
            answer = await q.get(f"/api/calls?{query}")
            assert answer.status == 200, answer.body
            return [call["id"] for call in answer["calls"]]

        everything = await ids("")
        assert len(everything) == 5
        assert everything == sorted(everything, reverse=True)
        assert await ids("model=b&status=error") == [everything[1]]
        assert await ids(f"session_id={run}") == [everything[0]]
        assert await ids("provider=nobody") == []
        first = await q.get("/api/calls?limit=2")
        rest = await ids(f"limit=10&cursor={first['next']}")
        assert [c["id"] for c in first["calls"]] + rest == everything
        missing = await q.get("/api/calls/call_none")
        assert (missing.status, missing.error["code"]) == (404, "not_found")
        stats = await q.get("/api/stats")
        assert (stats["calls"], stats["succeeded"], stats["failed"]) == (5, 4, 1)
        assert stats["sessions"]["completed"] == 1


async def test_a_fallback_chain_counts_under_every_name_of_its_model(tmp_path: Path) -> None:
    alias = {"mine": {"provider": "lab", "model_id": "a"}}
    async with scripted(tmp_path, models=alias, fallbacks={"mine": ["lab/b"]}) as (up, q):
        up.model("a", Say(fail="auth"))
        up.model("b", HELLO)
        answer = await generate(q, "lab/a")
        assert answer["model"] == "b"
