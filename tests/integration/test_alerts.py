"""Alerts live on /ws, whichever server raised them, and to whom they are shown."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.hook import hook
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import upstream
from websockets.asyncio.client import ClientConnection, connect

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
ASK = {"messages": [{"role": "user", "content": "Say hello."}]}


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of a type."""
    async with asyncio.timeout(8):
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] == kind:
                return frame


def sockets(rest: Rest, **headers: str) -> connect:
    return connect(rest.url.replace("http", "ws") + "/ws", proxy=None, additional_headers=headers)


async def fail(rest: Rest, count: int = 6) -> None:
    for _ in range(count):
        await rest.post("/api/models/generate", ASK | {"model": "lab/a"})


@pytest.mark.usefixtures("each_engine")
async def test_a_provider_that_goes_down_is_told_everywhere(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        receiver = await stack.enter_async_context(hook())
        up.model("a", Say(fail="error"))
        webhook = {"url": receiver.url, "events": ["provider.status"], "allow_private": True}
        given = config(up.url, retry={"attempts": 1}, webhooks=[webhook])
        one = await stack.enter_async_context(serving(tmp_path, given))
        two = await stack.enter_async_context(serving(tmp_path, given))
        here, there = [await stack.enter_async_context(sockets(rest)) for rest in (one, two)]
        await asyncio.gather(told(here, "stats"), told(there, "stats"))
        await fail(one)
        frames = await asyncio.gather(told(here, "provider.status"), told(there, "provider.status"))
        listed = (await two.get("/api/alerts"))["alerts"]
        await receiver.until(1, 8)
        shown = {p["name"]: p for p in (await one.get("/api/providers"))["providers"]}["lab"]
    assert [frame["run_id"] for frame in frames] == ["", ""]
    assert frames[0]["data"] == frames[1]["data"]
    assert frames[0]["data"]["kind"] == "provider.down"
    assert frames[0]["data"]["message"] == "lab: a: 5 failures in a row; not asked for a while"
    assert [one["id"] for one in listed] == [frames[0]["data"]["id"]] == [receiver.received[0].body["id"]]
    assert (shown["status"], shown["breaker"], shown["last_error"]) == (
        "unhealthy", "open", "provider_unavailable (HTTP 500)",
    )  # fmt: skip
    assert [b["model"] for b in shown["breakers"]] == ["a"]


async def test_tenants_see_their_own_budgets_and_all_providers(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", Say("Hello there. " * 20))
        q = await stack.enter_async_context(serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY="b" * 40))
        q.headers["authorization"] = "Bearer " + "b" * 40
        organization = (await q.post("/api/organizations", {"name": "acme"}))["id"]
        body = {"name": "k", "scopes": ["ask", "read"], "organization": organization}
        key = (await q.post("/api/keys", body))["key"]
        budget = {"period": "daily", "limit": 1e-5, "enforce": False}
        assert (await q.post("/api/budget", budget)).status == 200
        operator = await stack.enter_async_context(sockets(q, Authorization=q.headers["authorization"]))
        tenant = await stack.enter_async_context(sockets(q, Authorization=f"Bearer {key}"))
        await asyncio.gather(told(operator, "stats"), told(tenant, "stats"))
        await q.post("/api/models/generate", ASK | {"model": "lab/a"})
        alert = (await told(operator, "budget.alert"))["data"]
        mine = await q.get("/api/alerts", headers={"authorization": f"Bearer {key}"})
        refused = await q.get("/api/webhooks", headers={"authorization": f"Bearer {key}"})
        seen: list[str] = []
        try:
            async with asyncio.timeout(2.5):
                while True:
                    seen.append(json.loads(await tenant.recv())["type"])
        except TimeoutError:
            pass
    assert alert["kind"] == "budget"
    assert alert["limit"] == 1e-5
    assert mine["alerts"] == []
    assert refused.status == 403
    assert "budget.alert" not in seen
