"""Clients by others, in both eras of the protocol and over both transports: they list and call every default tool."""

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.support.mcp import process
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

from quorum_mcp.api.mcp.toolsets import TOOLSETS

HERE = Path(__file__).parent
PACKAGES = {"modern": "@modelcontextprotocol/client", "legacy": "@modelcontextprotocol/sdk"}
SOURCE = {"name": "a.py", "content": "x = 1\n"}
SAID = "I would take the first one.\nSCORE A 1 9\nSCORE B 1 3\nVERDICT: SOUND\nCONCLUSION: A"
CALLS: dict[str, dict[str, Any]] = {
    "q_in": {"query": "A or B?"},
    "orchestrate_task": {"description": "A or B?"},
    "query_specific_model": {"model": "lab/a", "description": "A or B?"},
    "code_review": {"files": [SOURCE], "review_type": "quick"},
    "think_deeper": {"problem": "A or B?", "thinking_mode": "low"},
    "multi_model_review": {"task": "A or B?"},
    "comparative_analysis": {"options": ["one", "two"]},
    "review_changes": {},
    "get_orchestrator_status": {},
    "list_models": {},
}
"""Each default tool but q_out, which needs a session."""

pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(60)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Upstream, str, dict[str, Any]]]:
    """Two models, a server that asks them, and its configuration; a repository with a change lies below its root."""
    work = tmp_path / "work"
    work.mkdir()
    await anyio.run_process(("git", "init", "-q"), cwd=work)
    (work / "a.py").write_text("x = 1\n")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        for name in ("a", "b"):
            up.model(name, SAID)
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]}, files={"roots": [str(work)]})
        rest = await stack.enter_async_context(serving(tmp_path / "server", given))
        yield up, rest.url, given


async def judged(era: str, *target: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """What the client found; skips loudly where it is not installed."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / PACKAGES[era]).exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"{PACKAGES[era]} is missing: `./dev test` installs it, or `npm ci` in tests/conformance")
    command = [node, str(HERE / "clients.mjs"), era, *target]
    given = json.dumps(list(CALLS.items())).encode()
    done = await anyio.run_process(command, input=given, check=False, cwd=HERE, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def every_tool_works(found: dict[str, Any]) -> None:
    assert set(found["tools"]) == {*CALLS, "q_out"} == set(TOOLSETS["default"])
    failed = {name: result["text"] for name, result in found["results"].items() if result["error"]}
    assert not failed
    results = {name: result["structured"] for name, result in found["results"].items()}
    assert results["think_deeper"]["conclusion"] == "A"
    assert results["comparative_analysis"]["ranking"][0]["option"] == "one"
    assert results["review_changes"]["reviewed"] == ["a.py"]
    assert results["orchestrate_task"]["agreement"] == "agree"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_over_http(world: tuple[Upstream, str, dict[str, Any]], era: str) -> None:
    found = await judged(era, "http", world[1] + "/mcp")
    every_tool_works(found)
    if era == "modern":
        assert found["negotiated"] == "2026-07-28"


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_over_stdio(world: tuple[Upstream, str, dict[str, Any]], era: str, tmp_path: Path) -> None:
    how = process(tmp_path / "host", world[2])
    command = (sys.executable, "-m", "quorum_mcp.server")
    every_tool_works(await judged(era, "stdio", *command, env=how.env))
