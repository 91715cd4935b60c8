"""Asking a session again keeps all that was asked for, and small promises around asking."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.rest import Rest
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]

ANSWER = "Four.\nCONCLUSION: 4"


@pytest.fixture
async def up() -> AsyncIterator[Upstream]:
    async with upstream() as up:
        for name in ("a", "b", "c"):
            up.model(name, ANSWER)
        yield up


@pytest.fixture
async def rest(tmp_path: Path, up: Upstream) -> AsyncIterator[Rest]:
    async with serving(tmp_path, config(up.url)) as rest:
        yield rest


async def test_a_rerun_keeps_conversation_limits_and_panel(rest: Rest, up: Upstream) -> None:
    first = await rest.ask(
        "And times 2?",
        ["lab/a", "lab/b"],
        messages=[{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}],
        context="Whole numbers.",
        temperature=0,
        max_tokens=77,
        max_cost=1.0,
    )
    sent = up.of("a")[-1].body
    again = await rest.post(f"/api/session/{first['session_id']}/rerun", {})
    assert again.status == 200, again.body
    assert again["session_id"] != first["session_id"]
    repeated = up.of("a")[-1].body
    assert {k: repeated[k] for k in ("messages", "temperature")} == {
        k: sent[k] for k in ("messages", "temperature")
    }
    assert 77 in repeated.values()
    other = await rest.post(
        f"/api/session/{first['session_id']}/rerun", {"panel": ["lab/c"], "mode": "full_deliberation"}
    )
    assert other["mode"] == "full_deliberation"
    assert "2+2?" in str(up.of("c")[-1].body["messages"])


async def test_a_provider_that_nobody_knows_cannot_be_excluded(rest: Rest) -> None:
    refused = await rest.query("2+2?", ["lab/a"], exclude_providers=["lba"])
    assert refused.status == 404
    assert refused.error["hint"].startswith("did you mean")


async def test_the_cap_of_a_request_bounds_every_run(tmp_path: Path, up: Upstream) -> None:
    dear = config(up.url, price={"input_per_million": 1e6, "output_per_million": 1e6})
    async with serving(tmp_path, dear, MCP_MAX_COST_PER_REQUEST="0.001") as rest:
        refused = await rest.query("2+2?", ["lab/a"])
    assert refused.status == 402
    assert up.count() == 0


async def test_open_paths_refuse_other_methods_in_form(rest: Rest) -> None:
    answer = await rest.post("/api/health/live")
    assert answer.status == 405
    assert answer.error["code"] == "unsupported"


@pytest.mark.parametrize("path", ["a.txt\x00b", "x" * 5000])
async def test_what_is_no_path_is_refused(rest: Rest, path: str) -> None:
    refused = await rest.query("2+2?", ["lab/a"], file_paths=[path])
    assert refused.status in (403, 422), refused.body


async def test_words_of_a_filter_are_named(rest: Rest) -> None:
    refused = await rest.get("/api/sessions", params={"status": "runing"})
    assert refused.error["hint"] == "did you mean 'running'?"
    unknown = await rest.get("/api/models", params={"provider": "antropic"})
    assert unknown.status == 404
    assert "anthropic" in unknown.error["hint"]
