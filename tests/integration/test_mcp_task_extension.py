"""Tasks: a client that knows them gets one where a tool deliberates, and asks after it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import BEARER, BOOTSTRAP, eventually, make_key
from tests.support.mcp import LEGACY, META, MODERN, Wire, bare, messages
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
EXTENSION = "io.modelcontextprotocol/tasks"
KNOWS = {META + "clientCapabilities": {"extensions": {EXTENSION: {}}}}
THINK = {"name": "think_deeper", "arguments": {"problem": "2 + 2?", "thinking_mode": "low"}}


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncGenerator[tuple[Upstream, Rest, Wire], None]:
    async with upstream() as up:
        given = config(up.url, panels={"default": ["lab/a"]})
        async with serving(tmp_path, given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as rest:
            rest.headers |= BEARER
            async with bare(rest.url, MODERN, **BEARER) as wire:
                yield up, rest, wire


async def send(wire: Wire, method: str, params: dict[str, Any], **meta: Any) -> dict[str, Any]:
    """One request of a client that knows tasks."""
    whole = params | {"_meta": KNOWS | meta}
    named = {"name": params["taskId"]} if "taskId" in params else {}
    async with wire.post(method, named | whole, request_id=5) as response:
        return (await messages(response))[-1]


async def test_a_task_is_asked_after_until_it_has_its_result(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, rest, wire):
        up.model("a", Say("CONCLUSION: 4", hold="go"))
        task = (await send(wire, "tools/call", THINK))["result"]
        assert (task["resultType"], task["status"], task["ttlMs"]) == ("task", "working", None)
        assert task["taskId"].startswith("ses_")
        assert not {"task", "requestState", "ttl", "result"} & task.keys()
        at = {"taskId": task["taskId"]}
        meanwhile = (await send(wire, "tasks/get", at))["result"]
        assert (meanwhile["resultType"], meanwhile["status"]) == ("complete", "working")
        up.release("go")
        assert (await rest.all_events(task["taskId"]))[-1]["type"] == "run.finished"
        done = (await send(wire, "tasks/get", at))["result"]
        assert done["status"] == "completed"
        assert done["result"]["structuredContent"]["conclusion"] == "4"
        assert (await send(wire, "tasks/cancel", at))["result"]["resultType"] == "complete"


async def test_a_cancelled_task_stops_spending(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, _, wire):
        up.model("a", Say(fail="hang"))
        at = {"taskId": (await send(wire, "tools/call", THINK))["result"]["taskId"]}
        await up.until(lambda: len(up.open) == 1)
        assert "error" not in await send(wire, "tasks/cancel", at)
        await up.until(lambda: up.count(outcome="dropped") == 1, 1.0)
        assert (await send(wire, "tasks/get", at))["result"]["status"] == "cancelled"


async def test_a_failure_is_a_result(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, _, wire):
        up.model("a", Say(fail="auth", latency=0.3))
        at = {"taskId": (await send(wire, "tools/call", THINK))["result"]["taskId"]}
        found: dict[str, Any] = {}

        async def ended() -> bool:
            found.update((await send(wire, "tasks/get", at))["result"])
            return found["status"] != "working"

        await eventually(ended)
        assert (found["status"], found["result"]["isError"]) == ("completed", True)


async def test_who_does_not_know_tasks_gets_none(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, rest, wire):
        up.model("a", "CONCLUSION: 4")
        plain = {META + "clientCapabilities": {}}
        done = await send(wire, "tools/call", THINK, **plain)
        assert done["result"]["structuredContent"]["conclusion"] == "4"
        session = done["result"]["structuredContent"]["session_id"]
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            assert (await send(wire, method, {"taskId": session}, **plain))["error"]["code"] == -32021
        async with (
            bare(rest.url, LEGACY, **BEARER) as older,
            older.post("tasks/get", {"taskId": session}, request_id=9) as response,
        ):
            assert (await messages(response))[-1]["error"]["code"] == -32601


async def test_the_header_names_the_task(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, _, wire):
        up.model("a", Say("CONCLUSION: 4", hold="go"))
        task = (await send(wire, "tools/call", THINK))["result"]["taskId"]
        wrong = await send(wire, "tasks/get", {"taskId": task, "name": "ses_0"})
        assert wrong["error"]["code"] == -32020


async def test_tasks_of_others_are_not_there(tmp_path: Path) -> None:
    async with world(tmp_path) as (up, rest, wire):
        up.model("a", Say("CONCLUSION: 4", hold="go"))
        at = {"taskId": (await send(wire, "tools/call", THINK))["result"]["taskId"]}
        await rest.post("/api/organizations", {"name": "elsewhere"})
        foreign = (await make_key(rest, organization="elsewhere", scopes=["ask", "read"]))["key"]
        async with bare(rest.url, MODERN, authorization=f"Bearer {foreign}") as other:
            for method in ("tasks/get", "tasks/update", "tasks/cancel"):
                assert (await send(other, method, at))["error"]["code"] == -32602
        assert (await send(wire, "tasks/get", at))["result"]["status"] == "working"
        assert (await send(wire, "tasks/get", {"taskId": "ses_0"}))["error"]["code"] == -32602
