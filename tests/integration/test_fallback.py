"""Fallback through the pipeline: who is asked when, what the trace says of it, and that deadlines hold."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import command
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.stores import Store
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
HELLO = "Hello there."
ASK: dict[str, Any] = {
    "model": "lab/a", "messages": [{"role": "user", "content": "Say hello."}], "temperature": 1.0,
}  # fmt: skip
CHAIN: dict[str, Any] = {"fallbacks": {"lab/a": ["lab/b"]}}
DAWDLING: dict[str, Any] = CHAIN | {"retry": {"attempts": 3, "min_seconds": 4, "max_seconds": 10}}


async def generate(q: Rest) -> Answer:
    return await q.post("/api/models/generate", ASK)


async def trace(q: Rest, answer: Answer) -> str:
    return "\n".join((await q.get(f"/api/calls/{answer['call_id']}"))["trace"])


def models(up: Upstream) -> list[str]:
    return [asked.model for asked in up.asked]


async def test_a_ready_fallback_is_not_kept_waiting(tmp_path: Path) -> None:
    """With the waits of the defaults: one short repeat, then the next."""
    async with scripted(tmp_path, **DAWDLING) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", HELLO)
        began = time.monotonic()
        answer = await generate(q)
        assert time.monotonic() - began < 3
        assert models(up) == ["a", "a", "b"]
        told = await trace(q, answer)
    assert "lab/a failed: HTTP 500: upstream failed; next: lab/a in 0.2 s" in told
    assert "next: lab/b at once" in told


@pytest.mark.parametrize(("fail", "asked"), [("limit", ["a", "b"]), ("auth", ["a", "b"])])
async def test_some_failures_are_not_repeated_where_another_model_is_ready(
    tmp_path: Path, fail: Any, asked: list[str]
) -> None:
    async with scripted(tmp_path, **DAWDLING) as (up, q):
        up.model("a", Say(fail=fail, retry_after=20))
        up.model("b", HELLO)
        assert (await generate(q))["answer"] == HELLO
        assert models(up) == asked


async def test_when_all_have_failed_they_take_turns(tmp_path: Path) -> None:
    async with scripted(tmp_path, **CHAIN) as (up, q):
        up.model("a", [Say(fail="error"), Say(fail="error"), Say(HELLO)])
        up.model("b", Say(fail="error"))
        answer = await generate(q)
        assert answer["answer"] == HELLO
        assert answer["model"] == "a"
        assert models(up)[:3] == ["a", "a", "b"]


async def test_an_open_breaker_is_skipped_at_once(tmp_path: Path) -> None:
    async with scripted(tmp_path, **CHAIN) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", HELLO)
        for _ in range(3):
            await generate(q)
        assert up.count("a") == 5
        answer = await generate(q)
        told = await trace(q, answer)
        assert up.count("a") == 5
    assert answer["model"] == "b"
    assert "not asked again yet); next: lab/b at once" in told


async def test_a_hanging_model_leaves_time_for_the_next(tmp_path: Path) -> None:
    async with scripted(tmp_path, **CHAIN, panels={"p": ["lab/a"]}) as (up, q):
        up.model("a", Say(fail="hang"))
        up.model("b", HELLO)
        began = time.monotonic()
        answer = await q.post("/v1/chat/completions", ASK, headers={"x-quorum-timeout": "3"})
        assert answer.status == 200, answer.body
        assert time.monotonic() - began < 3
        assert answer["choices"][0]["message"]["content"] == HELLO


@pytest.mark.parametrize("fail", ["hang", "error", "limit"])
async def test_no_call_outlives_its_deadline(tmp_path: Path, fail: Any) -> None:
    async with scripted(tmp_path, **DAWDLING) as (up, q):
        for name in "ab":
            up.model(name, Say(fail=fail, retry_after=0.5))
        began = time.monotonic()
        answer = await q.post("/v1/chat/completions", ASK, headers={"x-quorum-timeout": "2"})
        assert (
            time.monotonic() - began < 2.6
        )  # 0.1 s in the faults tests, where this process's own lateness counts out
        assert answer.status >= 400
        await up.until(lambda: not up.open, 2.0)


async def test_a_database_that_stands_still_does_not_hold_a_call_up(tmp_path: Path) -> None:
    budgets = [{"period": "daily", "limit": 5.0}]
    async with scripted(tmp_path, budgets=budgets) as (up, q):
        up.model("a", HELLO)
        async with Store(tmp_path).locked():
            began = time.monotonic()
            answer = await q.post("/v1/chat/completions", ASK, headers={"x-quorum-timeout": "1"})
            assert time.monotonic() - began < 3  # who holds the database is waited for five seconds
        assert answer.status == 504, answer.body
        assert "before money for it was set aside" in str(answer.body)
        assert up.asked == []


async def test_nobody_is_asked_after_the_first_token(tmp_path: Path) -> None:
    async with scripted(tmp_path, **CHAIN) as (up, q):
        up.model("a", Say(HELLO * 20, fail="cut"))
        up.model("b", HELLO)
        answer = await q.post("/v1/chat/completions", ASK | {"stream": True})
        assert "Hello there." in str(answer.body)
        assert "error" in str(answer.body)
        assert models(up) == ["a"]


async def test_a_fallback_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    async with scripted(tmp_path, fallbacks={"lab/a": ["nobody/x", "lab/b"]}) as (up, q):
        up.model("a", Say(fail="auth"))
        up.model("b", HELLO)
        answer = await generate(q)
        assert answer["answer"] == HELLO
        assert "fallback nobody/x is left out" in await trace(q, answer)


async def test_fifty_callers_and_one_probe(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 1}) as (up, q):
        up.model("a", Say(fail="error"))
        for _ in range(5):
            await generate(q)
        up.model("a", Say(HELLO, latency=0.3))
        await asyncio.sleep(6)  # the first open time, and its jitter
        answers = await asyncio.gather(*(generate(q) for _ in range(50)))
        assert [answer.status for answer in answers].count(200) == 1
        assert up.count("a") == 6
        assert (await generate(q)).status == 200


async def test_explain_shows_every_decision(tmp_path: Path) -> None:
    async with command("server", tmp_path, **CHAIN) as (up, quorum):
        up.model("a", Say(fail="error"))
        up.model("b", HELLO)
        asked = await quorum("op", "generate", "--json", json.dumps(ASK))
        call = asked.json["call_id"]
        found = (await quorum("explain", call, "--json")).json
        shown = (await quorum("explain", call)).out
    assert [(one["model"], one["status"], one["error"]) for one in found["tries"]] == [
        ("a", "error", "provider_unavailable"),
        ("a", "error", "provider_unavailable"),
        ("b", "ok", None),
    ]
    assert shown.startswith("lab/b: ok, 3 attempt(s)")
    for line in (
        "candidates: lab/a, lab/b", "cache: ", "breaker of lab/a: closed", "failed: HTTP 500", "next: lab/b at once",
        "lab/b answered: ", "3        lab/b",
    ):  # fmt: skip
        assert line in shown
