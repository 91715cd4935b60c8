"""Benchmarks as callers see them, held against the records of the calls that they are about."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import BEARER, BOOTSTRAP, make_key, showing
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


async def ask(q: Rest, model: str, times: int = 1, **more: Any) -> None:
    for n in range(times):
        body = {
            "model": model,
            "messages": [{"role": "user", "content": f"Say hello, {n}."}],
            "temperature": 1,
        }
        await q.post("/api/models/generate", body | more)


async def records(q: Rest, model: str) -> list[dict[str, Any]]:
    answer = await q.get(f"/api/calls?limit=500&model={model}")
    assert answer.status == 200, answer.body
    return answer["calls"]


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


@pytest.mark.usefixtures("each_engine")
async def test_figures_are_those_of_the_records(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model(
            "a",
            [Say("Hello there. " * (n % 7 + 1), latency=0.01 * (n % 3)) for n in range(21)]
            + [Say(fail="auth")],
        )
        up.model("b", "Hello.")
        await ask(q, "lab/a", 22)
        await ask(q, "lab/b", 3)
        for _ in range(2):
            await ask(q, "lab/b", temperature=0)
        await ask(q, "builtin/arithmetic", 21)
        every = await records(q, "a")
        done = [call for call in every if call["status"] == "ok"]
        others = await records(q, "b")
        answer = await q.get("/api/benchmark/providers?time_window=1h&providers=lab")
        summary = (await q.get("/api/benchmark/summary?time_window=all")).body
        boards = {
            metric: (await q.get(f"/api/benchmark/leaderboard/{metric}")).body
            for metric in ("latency", "throughput", "cost", "success_rate")
        }
    a, b = answer["comparison"]
    latencies = [call["latency"] for call in done]
    assert (a["provider"], a["model"], a["requests"], a["n"], a["note"]) == ("lab", "a", 22, 21, None)
    assert a["avg_latency"] == pytest.approx(sum(latencies) / 21, abs=1e-4)
    for name, share in (("p50_latency", 0.5), ("p95_latency", 0.95), ("p99_latency", 0.99)):
        assert a[name] == pytest.approx(nearest_rank(latencies, share), rel=0.01)
    priced = [call for call in every if call["cost"] is not None]
    tokens = sum(call["input_tokens"] + call["output_tokens"] for call in priced)
    assert a["cost_per_1k_tokens"] == pytest.approx(sum(c["cost"] for c in priced) / tokens * 1000)
    assert a["avg_throughput"] > 0
    assert (b["model"], b["p50_latency"], b["note"]) == ("b", None, "not enough data")
    assert b["n"] == sum(call["attempts"] > 0 for call in others)
    assert summary["total_requests"] == 22 + len(others) + 21
    assert summary["cached"] == len(others) - b["n"] == 1
    assert sorted(summary["providers"]) == ["builtin", "lab"]
    for metric, board in boards.items():
        assert [(line["rank"], line["model"]) for line in board["leaderboard"]] == [(1, "a")], metric
        assert board["left_out"] == 1
    line = boards["latency"]["leaderboard"][0]
    assert (line["unit"], line["n"], line["value"]) == ("s", 21, a["p50_latency"])


async def test_each_sees_its_own_and_the_operator_everything(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as q:
        up.model("a", "Hello.")
        q.headers = BEARER
        callers = []
        for number, name in enumerate(("acme", "globex")):
            made = await q.post("/api/organizations", {"name": name})
            assert made.status == 200, made.body
            callers.append(showing(q, (await make_key(q, name, organization=name))["key"]))
            await ask(callers[number], "lab/a", number + 2)
        found = [(await caller.get("/api/benchmark/summary"))["total_requests"] for caller in (*callers, q)]
        assert found == [2, 3, 5]
        usage = [(await caller.get("/api/usage?group_by=organization")).body for caller in (*callers, q)]
        assert [report["total"]["requests"] for report in usage] == [2, 3, 5]
        assert [[line["name"] for line in report["usage"]] for report in usage][:2] == [["acme"], ["globex"]]
        keys = (await q.get("/api/usage?group_by=key"))["usage"]
        assert sorted((line["name"], line["requests"]) for line in keys) == [("acme", 2), ("globex", 3)]


async def test_quality_is_what_is_known_to_be_right(tmp_path: Path) -> None:
    """Labelled answers rank the operator's models; those of others know nothing of them."""
    rows = [
        {
            "question": f"{n}+2?",
            "answers": [
                {"model": "lab/a", "text": f"CONCLUSION: {n + 2}", "correct": n % 4 != 0},
                {"model": "lab/b", "text": f"CONCLUSION: {n + 2}", "correct": True},
                *([{"model": "lab/c", "text": "CONCLUSION: 1", "correct": True}] if n < 19 else []),
            ],
        }
        for n in range(24)
    ]
    async with upstream() as up, serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as q:
        q.headers = BEARER
        assert (await q.post("/api/calibrate", {"rows": rows})).status == 200
        board = (await q.get("/api/benchmark/leaderboard/quality?time_window=7d")).body
        await q.post("/api/organizations", {"name": "acme"})
        other = showing(q, (await make_key(q, "theirs", organization="acme"))["key"])
        theirs = (await other.get("/api/benchmark/leaderboard/quality")).body
    assert [(line["rank"], line["model"], line["value"], line["n"]) for line in board["leaderboard"]] == [
        (1, "b", 1.0, 24),
        (2, "a", 0.75, 24),
    ]
    assert board["left_out"] == 1
    assert (theirs["leaderboard"], theirs["left_out"]) == ([], 0)


async def test_a_table_comes_as_csv_too_and_nothing_else(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Hello.")
        await ask(q, "lab/a")
        answer = await q.get("/api/benchmark/providers?format=csv")
        assert answer.headers["content-type"].startswith("text/csv")
        (line,) = csv.DictReader(io.StringIO(answer.body))
        assert (line["provider"], line["model"], line["requests"], line["p50_latency"]) == (
            "lab",
            "a",
            "1",
            "",
        )
        for query in (
            "providers?format=xml",
            "summary?format=csv",
            "summary?time_window=2h",
            "leaderboard/speed",
        ):
            refused = await q.get(f"/api/benchmark/{query}")
            assert (refused.status, refused.error["code"]) == (422, "invalid_input"), query
            assert refused.error["hint"], query
        empty = await q.get("/api/benchmark/providers?providers=nobody")
        assert empty["comparison"] == []
