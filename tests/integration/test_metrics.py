"""What `/metrics` says, read by Prometheus's own parser and held against the upstream's books."""

import asyncio
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import config, free_port, scripted, serving

from quorum_mcp.observe.metrics import GAUGES, Metrics

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
NOBODY = "http://127.0.0.1:9/v1"
KEY = "a-long-bootstrap-key"
PROMISED = {
    "orchestrator_requests_total": {"intent", "complexity"},
    "orchestrator_request_duration_seconds": None,
    "orchestrator_tokens_total": {"model", "direction"},
    "orchestrator_cost_usd_total": {"model"},
    "orchestrator_cache_hit_rate": set[str](),
    "quorum_calls_total": {"provider", "model", "status"},
    "quorum_call_duration_seconds": None,
    "quorum_call_first_token_seconds": None,
    "quorum_breaker_state": None,
    "quorum_rate_limit_available": None,
    "quorum_budget_spent_ratio": None,
    "quorum_queue_depth": None,
}
"""The names that dashboards are written against, with their labels where those are promised too."""

Samples = dict[str, list[tuple[dict[str, str], float]]]


async def scrape(q: Rest, path: str = "/metrics") -> Samples:
    """All samples by name, as the plain text format's parser reads them."""
    answer = await q.get(path)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found: Samples = {}
    for family in plain(answer.body):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum over all series with these label values."""
    return sum(value for own, value in samples.get(name, []) if labels.items() <= own.items())


async def generate(q: Rest, model: str, text: str = "2+2?") -> Answer:
    return await q.post(
        "/api/models/generate", {"model": model, "messages": [{"role": "user", "content": text}]}
    )


async def test_the_counts_are_those_of_the_upstream(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in ("a", "b"):
            up.model(name, "Four.\nCONCLUSION: 4")
        await q.ask("2+2?", ["lab/a", "lab/b"])
        assert (await generate(q, "lab/a")).status == 200
        samples = await scrape(q)
        read, written = up.billed()
        assert total(samples, "quorum_attempts_total", status="ok") == up.count() > 2
        assert total(samples, "quorum_calls_total", status="ok") == up.count()
        assert total(samples, "orchestrator_tokens_total", direction="input") == read
        assert total(samples, "orchestrator_tokens_total", direction="output") == written
        usd = (read * 1.0 + written * 2.0) / 1e6  # the price in `config`
        assert total(samples, "orchestrator_cost_usd_total") == pytest.approx(usd)
        assert total(samples, "quorum_call_duration_seconds_count", provider="lab") == up.count()
        assert total(samples, "quorum_call_first_token_seconds_count", model="a") == up.count("a")
        assert total(samples, "orchestrator_requests_total", intent="quick_consensus") == 1
        assert total(samples, "orchestrator_requests_total", intent="generate") == 1
        assert total(samples, "quorum_turns_total", status="completed") == 1
        assert total(samples, "quorum_http_requests_total", route="/api/query", status="200") == 1


async def test_retries_and_fallbacks_are_counted(tmp_path: Path) -> None:
    async with scripted(tmp_path, fallbacks={"lab/a": ["lab/b"]}) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", "Four.")
        assert (await generate(q, "lab/a")).status == 200
        samples = await scrape(q)
        assert (
            total(samples, "quorum_attempts_total", model="a", status="provider_unavailable")
            == up.count("a")
            > 1
        )
        assert total(samples, "quorum_retries_total", provider="lab") == up.count() - 1
        assert total(samples, "quorum_fallbacks_total", model="b") == 1
        assert total(samples, "quorum_calls_total", model="b", status="ok") == 1


async def test_gauges_say_what_is_there_now(tmp_path: Path) -> None:
    limits = {"requests_per_minute": 60, "tokens_per_minute": 60_000, "concurrency": 1}
    async with scripted(tmp_path) as (up, _):
        lab = config(up.url)["providers"]["lab"] | {"limits": limits}
        up.model("a", Say("Four.", hold="go"))
        given = config(up.url) | {"providers": {"lab": lab}}
        async with serving(tmp_path / "own", given) as q:
            first = await q.query("2+2?", ["lab/a"], wait=False)
            second = await q.query("2+3?", ["lab/a"], wait=False)
            await up.until(lambda: up.count() == 1)
            samples = await scrape(q)
            while not total(samples, "quorum_queue_depth"):  # the second one is on its way there
                await asyncio.sleep(0.01)
                samples = await scrape(q)
            assert total(samples, "quorum_runs_open") == 2
            assert total(samples, "quorum_calls_active", provider="lab") == 1
            assert total(samples, "quorum_queue_depth", provider="lab") == 1
            assert 57 <= total(samples, "quorum_rate_limit_available", provider="lab", kind="requests") <= 60
            assert total(samples, "quorum_breaker_state", provider="lab") == 0
            up.release("go")
            for begun in (first, second):
                async for _ in q.events(begun["session_id"]):
                    pass
            samples = await scrape(q)
            assert total(samples, "quorum_runs_open") == 0
            assert total(samples, "quorum_queue_depth", provider="lab") == 0


async def test_the_spent_share_of_budgets(tmp_path: Path) -> None:
    async with scripted(tmp_path, budgets=[{"period": "total", "limit": 0.1, "provider": "lab"}]) as (up, q):
        up.model("a", "Four.")
        cost = (await generate(q, "lab/a"))["cost"]
        samples = await scrape(q)
        share = total(samples, "quorum_budget_spent_ratio", period="total", provider="lab")
        assert share == pytest.approx(cost / 0.1)


async def test_an_open_breaker_shows(tmp_path: Path) -> None:
    async with scripted(tmp_path, retry={"attempts": 1}, panels={"default": ["lab/a", "lab/b"]}) as (up, q):
        up.model("a", Say(fail="error"))
        up.model("b", "Four.")
        for _ in range(6):
            await generate(q, "lab/a")
        await generate(q, "lab/b")
        samples = await scrape(q)
        assert total(samples, "quorum_breaker_state", provider="lab", model="a") == 2
        assert total(samples, "quorum_breaker_state", provider="lab", model="b") == 0


async def test_names_that_somebody_made_up_add_no_series(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Four.")
        await generate(q, "lab/a")
        before = {name: len(series) for name, series in (await scrape(q)).items()}
        for number in range(150):
            assert (await generate(q, f'lab/made-up-{number}-"x"\n')).status in (404, 503, 502)
            await q.get(f"/api/nothing-{number}")
            await q.request(f"MADEUP{number}", "/api/health")
        samples = await scrape(q)
        assert not any(
            "made-up" in str(labels) or "nothing-" in str(labels) for s in samples.values() for labels, _ in s
        )
        grown = {name: len(series) - before.get(name, 0) for name, series in samples.items()}
        assert sum(max(more, 0) for name, more in grown.items() if not name.endswith("_bucket")) < 40, grown
        assert total(samples, "quorum_calls_total", model="other") == 150


async def test_the_promised_names_are_there_with_help(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Four.")
        await generate(q, "lab/a")
        text = str((await q.get("/metrics")).body)
        helped = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
        assert set(PROMISED) <= helped.keys()
        samples = await scrape(q)
        for name, labels in PROMISED.items():
            for own, _ in samples.get(name, []):
                assert labels is None or own.keys() == labels, name
        own = {m.exposed: m for m in (*Metrics().counted, *GAUGES.values())}
        assert {name for name in helped if name.startswith(("quorum_", "orchestrator_"))} == own.keys()


async def test_openmetrics_where_it_is_asked_for(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Four.")
        await generate(q, "lab/a")
        answer = await q.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert {"quorum_calls", "quorum_call_duration_seconds"} <= {f.name for f in openmetrics(answer.body)}


async def test_who_may_scrape(tmp_path: Path) -> None:
    async with serving(tmp_path / "a", config(NOBODY)) as q:
        assert (await q.get("/metrics")).status == 200
        assert (await q.get("/metrics", headers={"host": "evil.example"})).status == 403
        assert (await q.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"})).status == 401
    async with serving(tmp_path / "b", config(NOBODY), loopback_bind=False, QUORUM_BOOTSTRAP_KEY=KEY) as q:
        assert (await q.get("/metrics")).status == 401
        assert (await q.get("/metrics", headers={"authorization": "Bearer wrong"})).status == 401
        assert (await q.get("/metrics", headers={"authorization": f"Bearer {KEY}"})).status == 200


async def test_a_port_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    given = config(NOBODY, server={"metrics_port": port})
    async with serving(tmp_path, given) as q:
        apart = Rest(f"http://127.0.0.1:{port}")
        try:
            assert total(await scrape(apart), "quorum_runs_open") == 0
            assert (await apart.get("/api/sessions")).status == 404
            assert (await apart.get("/metrics", headers={"host": "evil.example"})).status == 403
        finally:
            await apart.close()
        assert (await q.get("/metrics")).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_port_of_its_own_asks_for_the_key_where_there_is_one(tmp_path: Path, host: str) -> None:
    port = free_port()
    given = config(NOBODY, server={"metrics_port": port, "metrics_host": host})
    async with serving(tmp_path, given, QUORUM_BOOTSTRAP_KEY=KEY):
        apart = Rest(f"http://127.0.0.1:{port}")
        try:
            assert (await apart.get("/metrics")).status == 401
            assert (await apart.get("/metrics", headers={"x-api-key": KEY})).status == 200
        finally:
            await apart.close()


async def test_prometheus_itself_finds_nothing_to_criticise(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: Prometheus's own check of /metrics is not made")
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Four.")
        await generate(q, "lab/a")
        text = str((await q.get("/metrics")).body)
    check = await asyncio.create_subprocess_exec(promtool, "check", "metrics", stdin=PIPE, stderr=PIPE)
    _, said = await check.communicate(text.encode())
    assert check.returncode == 0, said.decode()


def test_who_does_not_serve_does_not_load_the_library() -> None:
    code = "import sys, quorum_mcp.app, quorum_mcp.api.server; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
