"""MCP while it works: progress, and stopping when nobody waits any more."""

import asyncio
import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.mcp import LEGACY, MODERN, bare, messages, over_http, over_stdio
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import Upstream, upstream

from quorum_mcp.api.mcp import calling, progress

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])
SAID = [{"role": "user", "content": "x"}]


def panel(up: Upstream, **said: str | Say) -> list[str]:
    for name, text in said.items():
        up.model(name, text)
    return [f"lab/{name}" for name in said]


class Heard:
    """A progress callback that keeps what it is told."""

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self.words: list[str] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.numbers.append(progress)
        self.words.append(message or "")


@BOTH
async def test_waiting_tells_what_happens(tmp_path: Path, revision: str) -> None:
    heard = Heard()
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, revision) as client:
        providers = panel(up, a=FOUR, b=Say(fail="auth"), c=Say(FOUR, hold="later"))
        put = (await client.call_tool("q_in", {"query": "2 + 2?", "providers": providers})).structured_content
        waiting = asyncio.ensure_future(
            client.call_tool("q_out", {"session_id": put["session_id"]}, progress_callback=heard)
        )
        await up.until(lambda: "lab/c is asked" in heard.words)
        up.release("later")
        result = (await waiting).structured_content
    assert result["status"] == "completed"
    assert heard.words[0] == "asking lab/a, lab/b, lab/c"
    assert "lab/a answered: 4" in heard.words
    assert any(word.startswith("lab/b failed: ") for word in heard.words)
    assert heard.words[-1] == "run finished"
    assert heard.numbers == [n + 1.0 for n in range(len(heard.numbers))]


@BOTH
async def test_the_envelope_goes_along(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, revision) as wire:
        providers = panel(up, a=Say(FOUR, latency=0.1), b=Say(FOUR, latency=0.1))
        async with wire.call("q_in", query="2 + 2?", providers=providers) as response:
            put = (await messages(response))[-1]["result"]["structuredContent"]
        async with wire.call("q_out", token=5, session_id=put["session_id"]) as response:
            *told, last = await messages(response)
        stored = await rest.all_events(put["session_id"])
    assert last["id"] == wire.last_id
    assert {note["method"] for note in told} == {"notifications/progress"}
    assert {note["params"]["progressToken"] for note in told} == {5}
    events = [note["params"]["_meta"]["quorum-mcp/event"] for note in told]
    assert [e for e in events if not e["type"].endswith(".delta")] == stored


@BOTH
async def test_a_text_is_told_as_it_grows(
    tmp_path: Path, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELTA_SECONDS", 0.1)
    text = "".join(f"word {n}, " for n in range(60))
    async with scripted(tmp_path) as (up, rest), bare(rest.url, revision) as wire:
        up.model("a", Say(text, drip=0.02, piece=20))
        call = wire.call("generate", token=1, model="lab/a", messages=SAID, stream=True)
        async with call as response:
            *told, last = await messages(response)
    events = [note["params"]["_meta"]["quorum-mcp/event"] for note in told]
    deltas = [event["data"] for event in events if event["type"] == "call.delta"]
    assert 2 <= len(deltas) <= 15
    grown = ""
    for delta in deltas:
        assert delta["offset"] == len(grown)
        grown += delta["text"]
    assert last["result"]["structuredContent"]["answer"] == text
    assert text.startswith(grown)


@BOTH
async def test_a_silent_wait_is_told_too(
    tmp_path: Path, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.1)
    heard = Heard()
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, revision) as client:
        up.model("a", Say("done", latency=0.6))
        given = {"model": "lab/a", "messages": SAID}
        assert not (await client.call_tool("generate", given, progress_callback=heard)).is_error
    assert len(heard.words) >= 3
    assert all(re.fullmatch(r"working, \d+ s", words) for words in heard.words)


@BOTH
async def test_who_did_not_ask_for_progress_gets_none(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, revision) as wire:
        up.model("a", Say(FOUR, drip=0.02))
        async with wire.call("generate", model="lab/a", messages=SAID, stream=True) as response:
            assert [message.get("id") for message in await messages(response)] == [wire.last_id]


@pytest.mark.parametrize("how", ["http", "stdio", "relay"])
@BOTH
async def test_cancelling_stops_the_call(tmp_path: Path, how: str, revision: str) -> None:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", Say(fail="hang"))
        given = config(up.url)
        if how == "stdio":
            client = await stack.enter_async_context(over_stdio(tmp_path, given, revision))
        else:
            rest = await stack.enter_async_context(serving(tmp_path, given))
            relayed = over_stdio(tmp_path / "host", {}, revision, QUORUM_URL=rest.url)
            client = await stack.enter_async_context(
                over_http(rest.url, revision) if how == "http" else relayed
            )
        call = asyncio.ensure_future(client.call_tool("generate", {"model": "lab/a", "messages": SAID}))
        await up.until(lambda: up.count() == 1, 10)
        call.cancel()
        await up.until(lambda: up.count(outcome="dropped") == 1, 1.0)
        await asyncio.gather(call, return_exceptions=True)
        assert not (await client.call_tool("count_tokens", {"text": "still there"})).is_error


@BOTH
async def test_a_dropped_connection_stops_the_call(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, revision) as wire:
        up.model("a", Say(fail="hang"))

        async def call() -> Any:
            async with wire.call("generate", token=3, model="lab/a", messages=SAID) as response:
                return await response.read()

        calling = asyncio.ensure_future(call())
        await up.until(lambda: up.count() == 1)
        calling.cancel()  # aiohttp closes the socket of an unfinished answer: nothing else is sent
        await up.until(lambda: up.count(outcome="dropped") == 1, 1.0)
        await asyncio.gather(calling, return_exceptions=True)
        calls = await rest.get("/api/calls")
        assert [call["status"] for call in calls["calls"]] == ["cancelled"]


@BOTH
async def test_the_run_outlives_whoever_waits_for_it(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, revision) as wire:
        providers = panel(up, a=Say(FOUR, hold="go"), b=Say(FOUR, hold="go"))
        async with wire.call("q_in", query="2 + 2?", providers=providers) as response:
            session = (await messages(response))[-1]["result"]["structuredContent"]["session_id"]

        async def wait() -> None:
            async with wire.call("q_out", token=1, session_id=session) as response:
                await response.read()

        waiting = asyncio.ensure_future(wait())
        await up.until(lambda: up.count() == 2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with wire.call("q_out", session_id=session, wait_seconds=0.2) as response:
            meanwhile = (await messages(response))[-1]["result"]["structuredContent"]
        assert (meanwhile["status"], meanwhile["answer"]) == ("running", None)
        up.release("go")
        async with wire.call("q_out", session_id=session) as response:
            result = (await messages(response))[-1]["result"]["structuredContent"]
    assert (result["status"], result["conclusion"]) == ("completed", "4")


async def test_a_wait_that_ends_early_has_what_there_is(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, MODERN) as client:
        providers = panel(up, a=FOUR, b=Say(FOUR, hold="go"), c=Say(fail="auth"))
        put = await client.call_tool("q_in", {"query": "2 + 2?", "providers": providers})
        session = put.structured_content["session_id"]
        given = {"session_id": session, "wait_seconds": 0.5}
        await up.until(lambda: up.count("a", outcome="finished") == 1)
        for callback in (None, Heard()):
            early = (await client.call_tool("q_out", given, progress_callback=callback)).structured_content
            assert early["status"] == "running"
            assert early["progress"][0] == "lab/a answered: 4"
        up.release("go")
        assert (await client.call_tool("q_out", {"session_id": session})).structured_content["answer"]


async def test_a_cancelled_run_is_an_error_that_says_so(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, LEGACY) as client:
        providers = panel(up, a=Say(fail="hang"), b=Say(fail="hang"))
        put = await client.call_tool("q_in", {"query": "2 + 2?", "providers": providers})
        session = put.structured_content["session_id"]
        waiting = asyncio.ensure_future(client.call_tool("q_out", {"session_id": session}))
        await up.until(lambda: len(up.open) == 2)
        assert (await rest.post(f"/api/session/{session}/cancel")).status == 200
        result = await waiting
    assert result.is_error
    error = json.loads(result.content[0].text)["error"]
    assert (error["code"], error["details"]["session_id"]) == ("cancelled", session)
