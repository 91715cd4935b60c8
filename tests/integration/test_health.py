"""Health over REST: probes of idle providers, checks by hand, what they change, and what they never do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, free_port, scripted, serving
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
ASK = {"model": "lab/a", "messages": [{"role": "user", "content": "Say hello."}]}


async def lab(q: Rest) -> dict[str, Any]:
    return {p["name"]: p for p in (await q.get("/api/providers"))["providers"]}["lab"]


async def until(q: Rest, status: str) -> dict[str, Any]:
    """The provider, once it has this status."""
    async with asyncio.timeout(8):
        while True:
            found = await lab(q)
            if found["status"] == status:
                return found
            await asyncio.sleep(0.05)


async def test_an_idle_provider_is_probed_without_asking_a_model(tmp_path: Path) -> None:
    port = free_port()
    given = config(f"http://127.0.0.1:{port}/v1", health={"probe_seconds": 0.2})
    async with serving(tmp_path, given) as q:
        down = await until(q, "unhealthy")
        assert "does not list its models: provider_unavailable" in down["reason"]
        assert down["checked_at"] is not None
        health = await q.get("/api/health")
        assert (health["status"], health["checks"]["reasons"]["lab"]) == ("degraded", down["reason"])
        async with upstream(port=port) as up:
            assert (await until(q, "healthy"))["reason"] is None
            assert up.asked == []


async def test_probes_can_be_switched_off(tmp_path: Path) -> None:
    given = config("http://127.0.0.1:1/v1", health={"probe_seconds": 0})
    async with serving(tmp_path, given) as q:
        await asyncio.sleep(0.3)
        assert (await lab(q))["checked_at"] is None


async def test_a_check_by_hand(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Hello.")
        up.model("b", "Hello.")
        good = await q.post("/api/providers/lab/test")
        assert (good.status, good["ok"], good["models"], good["error"]) == (200, True, 2, None)
        assert good["latency"] > 0
        missing = await q.post("/api/providers/openai/test")
        assert (missing["ok"], missing["latency"], missing["error"]["code"]) == (False, None, "unconfigured")
        assert "OPENAI_API_KEY" in missing["error"]["message"]
        assert (await q.post("/api/providers/nobody/test")).status == 404
        assert up.asked == []


async def test_a_check_says_what_is_wrong(tmp_path: Path) -> None:
    async with serving(tmp_path, config("http://127.0.0.1:1/v1")) as q:
        bad = await q.post("/api/providers/lab/test")
        assert (bad.status, bad["ok"], bad["error"]["code"]) == (200, False, "provider_unavailable")
        assert (await lab(q))["status"] == "unhealthy"


async def test_a_key_that_works_again_closes_the_breaker(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", Say(fail="auth"))
        for _ in range(3):
            assert (await q.post("/api/models/generate", ASK)).error["code"] == "provider_auth"
        assert up.count("a") == 2
        assert (await lab(q))["breakers"][0]["state"] == "open"
        up.model("a", "Hello.")
        await q.post("/api/providers/lab/test")
        assert (await q.post("/api/models/generate", ASK))["answer"] == "Hello."
