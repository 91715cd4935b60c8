"""What the pages of the web UI draw: times of providers, stages of calls, time lines, settings, cards."""

import asyncio
from pathlib import Path

import pytest
from tests.support.keys import BEARER, BOOTSTRAP, make_key, showing
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import upstream

from quorum_mcp.calls.stages import Request, last_left, stages

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]


ASKED = {"model": "lab/a", "messages": [{"role": "user", "content": "Say hello."}], "temperature": 1}


@pytest.mark.usefixtures("each_engine")
async def test_times_stages_and_time_lines_are_those_of_the_calls(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [Say(fail="error"), Say("Hello there.", latency=0.2), *[Say("Hello.")] * 20])
        first = await q.post("/api/models/generate", ASKED)
        for _ in range(20):
            await q.post("/v1/chat/completions", ASKED, headers={"x-quorum-tags": "nightly"})
        past = (await q.get("/api/providers/latencies"))["providers"]["lab"]
        records = (await q.get("/api/calls?limit=500"))["calls"]
        call = (await q.get(f"/api/calls/{first['call_id']}")).body
        points = (await q.get("/api/benchmark/timeline?time_window=24h"))["timeline"]
        few = (await q.get("/api/benchmark/timeline?time_window=24h&providers=builtin"))["timeline"]
        tagged = (await q.get("/api/calls?tag=nightly&limit=500"))["calls"]
        part = (await q.get("/api/calls?tag=night&limit=500"))["calls"]
        later = (await q.get("/api/calls?since=2999-01-01"))["calls"]
        budget = (await q.get("/api/budget"))["budgets"][0]
    assert [one["seconds"] for one in past] == [one["latency"] for one in reversed(records)]
    assert all(one["ok"] for one in past)
    assert len(tagged) == 20
    assert not part
    assert not later
    names = [one["stage"] for one in call["stages"]]
    assert names[:2] == ["candidates", "cache"]
    assert names.count("provider") == 2
    assert names.count("pause") == 1
    assert "other" not in names
    assert [one["decision"] for one in call["stages"] if one["stage"] != "pause"] == [
        line.partition(": ")[2] for line in call["trace"]
    ]
    asked = [one for one in call["stages"] if one["stage"] == "provider"]
    for stage, attempt in zip(asked, call["tries"], strict=True):
        assert stage["seconds"] == pytest.approx(attempt["latency"], abs=0.03)
    ends = [round(one["began"] + one["seconds"], 3) for one in call["stages"]]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(call["latency"], abs=0.05)
    assert len(points) == 24
    assert (points[-1]["requests"] + points[-2]["requests"], len(few)) == (21, 24)
    assert sum(point["cost"] for point in points) == pytest.approx(sum(one["cost"] for one in records))
    full = [point for point in points if point["requests"] >= 20]
    assert all(point["p50_latency"] <= point["p95_latency"] <= point["p99_latency"] for point in full)
    assert all(point["p50_latency"] is None for point in few)
    assert budget["projected"] >= budget["spent"] > 0


@pytest.mark.usefixtures("each_engine")
async def test_the_only_attempt_of_a_call_is_told_like_any_other(tmp_path: Path) -> None:
    """It has no record of its own; what the call waited for before it left is not its time, though."""
    async with upstream() as up:
        up.model("a", Say("Hello there.", latency=0.3))
        given = config(up.url)
        given["providers"]["lab"]["limits"] = {"concurrency": 1}
        async with serving(tmp_path, given) as q:
            answers = await asyncio.gather(*(q.post("/api/models/generate", ASKED) for _ in range(2)))
            calls = [(await q.get(f"/api/calls/{one['call_id']}")).body for one in answers]
    first, second = sorted(calls, key=lambda call: call["latency"])
    for call in first, second:
        [one] = call["tries"]
        for name in ("provider", "model", "status", "input_tokens", "output_tokens", "estimated", "cost"):
            assert one[name] == call[name], name
        assert (one["n"], one["status"], one["error"]) == (1, "ok", None)
        assert one["began"] + one["latency"] == pytest.approx(call["latency"], abs=0.05)
        assert one["latency"] == pytest.approx(0.35, abs=0.1)
    assert first["tries"][0]["began"] < 0.2 < second["tries"][0]["began"]


def test_a_refusal_that_never_left_takes_no_request() -> None:
    trace = (
        "0 ms: candidates: lab/a, lab/b",
        "1 ms: cache: miss",
        "2 ms: lab/a failed: the breaker is open; next: lab/b at once",
        "130 ms: waited 120 ms for a place",
        "131 ms: breaker of lab/b: closed",
        "190 ms: waited 50 ms for the limit of lab",
        "200 ms: reserved 5 nanodollars",
        "700 ms: lab/b answered: 7 tokens, stop: stop",
        "and a line from elsewhere",
    )
    found = stages(trace, [Request("lab/b", 0.2, 0.5)])
    assert [one.stage for one in found] == [
        "candidates", "cache", "provider", "pause", "queue", "breaker", "limits", "budget", "provider", "other",
    ]  # fmt: skip
    assert [(one.began, one.seconds) for one in found if one.stage == "provider"] == [(0.002, 0), (0.2, 0.5)]
    assert last_left(trace) == 0.2
    assert last_left(["a line from elsewhere"]) == 0.0


async def test_settings_and_cards_are_for_those_who_may(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP, OPENAI_API_KEY="sk-hidden") as q,
    ):
        q.headers = dict(BEARER)
        rows = (await q.get("/api/settings"))["settings"]
        every = {one["name"]: one for one in (await q.get("/api/operations"))["operations"]}
        card = (await q.get("/api/operations/budget.set")).body
        near = await q.get("/api/operations/budget.sets")
        key = await make_key(q, scopes=["read"])
        reader = showing(q, key["key"])
        refused = await reader.get("/api/settings")
        allowed = {one["name"] for one in (await reader.get("/api/operations"))["operations"]}
        hidden = await reader.get("/api/operations/budget.set")
    by_key = {row["key"]: row for row in rows}
    assert by_key["providers.lab.base_url"] == {
        "key": "providers.lab.base_url", "value": up.url, "source": by_key["providers.lab.base_url"]["source"],
    }  # fmt: skip
    assert by_key["providers.lab.base_url"]["source"].startswith("quorum.yaml line")
    assert by_key["server.port"]["source"] == "default"
    assert "sk-hidden" not in str(rows)
    assert BOOTSTRAP not in str(rows)
    assert card["route"] == {"method": "POST", "path": "/api/budget"}
    assert card["input"]["properties"]["limit"]["exclusiveMinimum"] == 0
    assert (near.status, near.error["hint"]) == (404, "did you mean budget.set?")
    assert (refused.status, hidden.status) == (403, 404)
    assert "budget.list" in allowed
    assert not {"budget.set", "query", "settings.show"} & allowed
    assert allowed < set(every)
