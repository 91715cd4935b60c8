"""An MCP client that hangs up or cancels, in both revisions: the provider stops within a second, the bill stands."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import eventually
from tests.support.mcp import LEGACY, MODERN, Wire, bare, process
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
WITHIN = 1.0
SAID = [{"role": "user", "content": "What is 2 + 2?"}]
SOURCE = {"name": "a.py", "content": "x = 1\n"}
TOOLS: dict[str, dict[str, Any]] = {
    "generate": {"model": "lab/a", "messages": SAID, "stream": True},
    "query_specific_model": {"model": "lab/a", "description": "What is 2 + 2?"},
    "think_deeper": {"problem": "What is 2 + 2?", "thinking_mode": "low"},
    "orchestrate_task": {"description": "Add 2 and 2.", "strategy": "max_quality_council"},
    "code_review": {"files": [SOURCE]},
    "multi_model_review": {"task": "What is 2 + 2?"},
    "comparative_analysis": {"options": ["3", "4"]},
}
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])


@asynccontextmanager
async def asked(home: Path, revision: str, said: Say) -> AsyncIterator[tuple[Upstream, Rest, Wire]]:
    """A server whose models say this, and a bare client."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", said)
        up.model("b", said)
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]})
        rest = await stack.enter_async_context(serving(home, given))
        yield up, rest, await stack.enter_async_context(bare(rest.url, revision))


async def stopped_and_booked(up: Upstream, rest: Rest, seats: int) -> None:
    """Nothing runs on, and each call is recorded with what it may have cost."""
    await up.until(lambda: up.count(outcome="dropped") == seats, WITHIN)
    records: list[dict[str, Any]] = []

    async def booked() -> bool:
        records[:] = (await rest.get("/api/calls"))["calls"]
        return len(records) == seats

    await eventually(booked)
    for record in records:
        assert record["status"] == "cancelled", record
        assert record["cost"] > 0
        assert record["estimated"]
    assert up.count() == seats, "somebody was asked after the client had gone"


@BOTH
@pytest.mark.parametrize(
    ("tool", "said"),
    [
        *((tool, Say("It is four. " * 20, hold_after="never")) for tool in TOOLS),
        *((tool, Say(fail="hang")) for tool in ("generate", "think_deeper")),
    ],
    ids=[*TOOLS, "generate, before the first word", "think_deeper, before the first word"],
)
async def test_a_client_that_hangs_up(tmp_path: Path, tool: str, revision: str, said: Say) -> None:
    async with asked(tmp_path, revision, said) as (up, rest, wire):

        async def call() -> None:
            async with wire.call(tool, token=3, **TOOLS[tool]) as response:
                await response.read()

        calling = asyncio.ensure_future(call())
        seats = 1 if "model" in TOOLS[tool] else 2
        await up.until(lambda: up.count() == seats, 10)
        await asyncio.sleep(0.1)
        calling.cancel()  # aiohttp closes the socket of an unfinished answer: nothing is said
        await stopped_and_booked(up, rest, seats)
        await asyncio.gather(calling, return_exceptions=True)


async def test_a_client_of_the_older_revision_that_cancels(tmp_path: Path) -> None:
    async with asked(tmp_path, LEGACY, Say(fail="hang")) as (up, rest, wire):

        async def call() -> str:
            async with wire.call("think_deeper", token=3, **TOOLS["think_deeper"]) as response:
                return await response.text()

        calling = asyncio.ensure_future(call())
        await up.until(lambda: up.count() == 2, 10)
        async with wire.post("notifications/cancelled", {"requestId": wire.last_id}) as response:
            assert response.status == 202
        await stopped_and_booked(up, rest, 2)
        assert "Request cancelled" in await calling


@BOTH
@pytest.mark.parametrize("leaves", ["cancels", "dies"])
async def test_a_host_over_stdio(tmp_path: Path, revision: str, leaves: str) -> None:
    async with upstream() as up:
        up.model("a", Say(fail="hang"))
        given = config(up.url, panels={"default": ["lab/a", "lab/a"]})
        how = process(tmp_path, given)
        host = await asyncio.create_subprocess_exec(
            sys.executable, *how.args, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env=how.env, cwd=tmp_path,
        )  # fmt: skip
        try:
            for message in conversation(revision):
                send(host, message)
            await up.until(lambda: up.count() == 2, 15)
            if leaves == "cancels":
                send(host, {"method": "notifications/cancelled", "params": {"requestId": 7}})
            else:
                assert host.stdin is not None
                host.stdin.close()
            await up.until(lambda: up.count(outcome="dropped") == 2, WITHIN)
            assert host.stdin is not None
            host.stdin.close()
            assert await asyncio.wait_for(host.wait(), 10) == 0
        finally:
            if host.returncode is None:
                host.kill()
                await host.wait()
        async with serving(tmp_path, given) as rest:
            await stopped_and_booked(up, rest, 2)


def conversation(revision: str) -> list[dict[str, Any]]:
    """What a host says up to a call that asks two models."""
    call = {"name": "think_deeper", "arguments": TOOLS["think_deeper"]}
    if revision == MODERN:
        meta = "io.modelcontextprotocol/"
        own = {meta + "protocolVersion": MODERN, meta + "clientCapabilities": {}}
        return [{"id": 7, "method": "tools/call", "params": call | {"_meta": own}}]
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    return [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized", "params": {}},
        {"id": 7, "method": "tools/call", "params": call},
    ]


def send(host: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    """One line to the host's server."""
    assert host.stdin is not None
    host.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
