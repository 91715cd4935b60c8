"""Nothing simulated or built in can appear anywhere without its label."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.mcp import MODERN, over_http
from tests.support.rest import Rest
from tests.support.server import serving

from quorum_mcp.providers.sim.server import start

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
PANEL = ["sim/atlas", "sim/birch", "sim/ember", "builtin/arithmetic"]
QUESTION = "What is 17% of 2,340?"
OPEN = "How should we plan the migration of the warehouse database?"
MODES = ("quick_consensus", "full_deliberation", "devils_advocate")


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a piece of JSON."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dicts(inner)


def labelled(value: Any) -> int:
    """Check that whatever names a provider says what it is; returns how much simulated there was."""
    found = 0
    for one in dicts(value):
        if "provider" in one and ("model" in one or "content" in one):
            assert one["simulated"] is (one["provider"] == "sim"), one
            found += one["simulated"]
        if "consensus" in one and "provider_responses" in one:
            simulated = any(r["simulated"] and r["status"] != "skipped" for r in one["provider_responses"])
            assert one["simulated"] or not simulated
            built_in = {r["member"] for r in one["provider_responses"] if r["provider"] == "builtin"}
            assert built_in <= set(one["builtin"])
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("question", [QUESTION, OPEN])
async def test_every_view_of_a_simulated_session(tmp_path: Path, mode: str, question: str) -> None:
    async with await start(speed=0.0) as sim, serving(tmp_path, {}, sim=sim.url) as q:
        answer = await q.ask(question, PANEL, mode=mode, exhaustive=True, synthesizer="sim/atlas")
        run = answer["session_id"]
        assert answer["simulated"] is True
        assert answer["builtin"] == ["builtin/arithmetic"]
        assert any("simulated" in warning for warning in answer["warnings"])
        assert labelled(answer) >= 3
        session = await q.session_of(run)
        assert session["simulated"] is True
        assert labelled(session) >= 6
        assert all(r["simulated"] is (r["provider"] == "sim") for r in session["call_records"])
        (line,) = (await q.get("/api/sessions"))["sessions"]
        assert line["simulated"] is True
        calls = (await q.get("/api/calls"))["calls"]
        assert {c["provider"]: c["simulated"] for c in calls} == {"sim": True, "builtin": False}
        one = await q.get(f"/api/calls/{next(c['id'] for c in calls if c['simulated'])}")
        assert one["simulated"] is True
        assert (await q.get("/api/stats"))["calls"] == sum(not c["simulated"] for c in calls)
        await exports_say_so(q, run)
        await events_say_so(q, run)


async def exports_say_so(q: Rest, run: str) -> None:
    path = f"/api/session/{run}/export?format="
    assert labelled((await q.get(path + "json")).body) >= 3
    for form in ("md", "html"):
        text = (await q.get(path + form)).body
        assert "Simulated" in text
        assert "not language models" in text
        assert "sim/atlas" in text
        assert "Built-in" in text
        assert "builtin/arithmetic" in text


async def events_say_so(q: Rest, run: str) -> None:
    events = await q.all_events(run)
    assert events[0]["data"]["simulated"] is True
    seats = {seat["member"]: seat for seat in events[0]["data"]["seats"]}
    assert all(seat["simulated"] is name.startswith("sim/") for name, seat in seats.items())
    assert all(seat["builtin"] is name.startswith("builtin/") for name, seat in seats.items())
    calls = [event["data"] for event in events if event["type"].startswith("call.")]
    assert calls
    for data in calls:
        assert data["simulated"] is data["member"].startswith("sim/")
    assert events[-1]["data"]["result"]["simulated"] is True


async def test_live_deltas_say_so(tmp_path: Path) -> None:
    async with await start(speed=20.0) as sim, serving(tmp_path, {}, sim=sim.url) as q:
        run = (await q.ask(OPEN, ["sim/delta", "sim/cedar"], wait=False))["session_id"]
        while_running = await q.get("/api/sessions")
        assert while_running["sessions"][0]["simulated"] is True
        assert (await q.session_of(run))["simulated"] is True
        events = await q.all_events(run)
    deltas = [e for e in events if e["type"] in ("call.delta", "synthesis.delta")]
    assert deltas
    assert all(e["data"]["simulated"] is True for e in deltas)


async def test_lists_and_single_calls(tmp_path: Path) -> None:
    async with await start(speed=0.0) as sim, serving(tmp_path, {}, sim=sim.url) as q:
        providers = {p["name"]: p for p in (await q.get("/api/providers"))["providers"]}
        assert (providers["sim"]["simulated"], providers["sim"]["kind"]) == (True, "sim")
        assert (providers["builtin"]["simulated"], providers["builtin"]["kind"]) == (False, "builtin")
        models = (await q.get("/api/models"))["models"]
        assert {m["provider"] for m in models if m["simulated"]} == {"sim"}
        assert all(m["simulated"] for m in models if m["provider"] == "sim")
        body = {"model": "sim/atlas", "messages": [{"role": "user", "content": QUESTION}]}
        generated = await q.post("/api/models/generate", body)
        assert (generated["simulated"], generated["provider"]) == (True, "sim")
        health = await q.get("/api/health")
        assert "sim" not in health["checks"]["providers"]


async def test_mcp_says_so(tmp_path: Path) -> None:
    async with (
        await start(speed=0.0) as sim,
        serving(tmp_path, {}, sim=sim.url) as q,
        over_http(q.url, MODERN) as mcp,
    ):
        put = await mcp.call_tool("q_in", {"query": QUESTION, "providers": PANEL})
        assert put.structured_content is not None
        run = put.structured_content["session_id"]
        got = await mcp.call_tool("q_out", {"session_id": run, "wait_seconds": 10})
        assert got.structured_content is not None
        assert got.structured_content["simulated"] is True
        assert "simulated" in json.dumps([c.model_dump() for c in got.content])
        one = await mcp.call_tool(
            "generate", {"model": "sim/birch", "messages": [{"role": "user", "content": QUESTION}]}
        )
        assert one.structured_content is not None
        assert one.structured_content["simulated"] is True


@pytest.mark.parametrize("wire", ["openai", "anthropic", "google", "mistral", "ollama"])
async def test_a_simulated_server_under_another_name_is_labelled_too(tmp_path: Path, wire: str) -> None:
    async with await start(speed=0.0) as sim:
        url = sim.url + ("/v1" if wire == "openai" else "")
        given = {
            "providers": {
                "serious": {"wire": wire, "base_url": url, "models": ["atlas", "ember", "flaky?rate=1"]}
            },
            "retry": {"attempts": 1},
        }
        async with serving(tmp_path, given) as q:
            panel = ["serious/atlas", "serious/ember", "serious/flaky?rate=1"]
            answer = await q.ask(QUESTION, panel, exhaustive=True)
            session = await q.session_of(answer["session_id"])
            one = await q.post(
                "/api/models/generate", {"model": panel[0], "messages": [{"role": "user", "content": "Hi"}]}
            )
            (line,) = (await q.get("/api/sessions"))["sessions"]
            markdown = (await q.get(f"/api/session/{answer['session_id']}/export?format=md")).body
            assert (await q.get("/api/stats"))["calls"] == 0
    assert answer["simulated"] is True
    assert [r["simulated"] for r in answer["provider_responses"]] == [True] * 3
    assert [r["simulated"] for r in session["call_records"]] == [True] * 3
    assert line["simulated"] is True
    assert one["simulated"] is True
    assert "Simulated" in markdown
    assert any("simulated" in warning for warning in answer["warnings"])


async def test_the_built_in_solvers_say_what_they_are(tmp_path: Path) -> None:
    async with serving(tmp_path, {}) as q:
        answer = await q.ask(QUESTION)
        session = await q.session_of(answer["session_id"])
    assert answer["conclusion"] == "397.8"
    assert answer["simulated"] is False
    assert set(answer["builtin"]) == {"builtin/arithmetic", "builtin/extract"}
    assert any("no language model" in warning for warning in answer["warnings"])
    assert {r["provider"] for r in session["call_records"]} == {"builtin"}
