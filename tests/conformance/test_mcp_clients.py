"""Clients by others, in both eras of the protocol and over both transports: they list and call every default tool."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conformance.default_tools import CALLS, every_tool_works, world
from tests.integration.test_workers import SERVE
from tests.support.mcp import process
from tests.support.server import Server
from tests.support.stores import postgres_store
from tools.redis import server as redis_server

HERE = Path(__file__).parent
PACKAGES = {"modern": "@modelcontextprotocol/client", "legacy": "@modelcontextprotocol/sdk"}

pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(60)]


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


def works(found: dict[str, Any]) -> None:
    failed = {name: result["text"] for name, result in found["results"].items() if result["error"]}
    assert not failed
    every_tool_works(found["tools"], {name: one["structured"] for name, one in found["results"].items()})


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_over_http(tmp_path: Path, era: str) -> None:
    async with world(tmp_path) as one:
        found = await judged(era, "http", one.url + "/mcp")
    works(found)
    if era == "modern":
        assert found["negotiated"] == "2026-07-28"


@pytest.mark.needs("postgresql")
@pytest.mark.needs("redis")
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_over_several_workers(tmp_path: Path, era: str) -> None:
    store = await postgres_store(tmp_path)
    with redis_server() as redis:
        async with world(tmp_path) as one:
            server = Server(
                tmp_path / "workers", one.given, command=SERVE, QUORUM_DATABASE_URL=store.url,
                REDIS_URL=redis.url, QUORUM_SECRET_KEY="one secret for every worker",
            )  # fmt: skip
            await server.started()
            try:
                for _ in range(3):
                    works(await judged(era, "http", server.url + "/mcp"))
            finally:
                server.kill()


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_over_stdio(tmp_path: Path, era: str) -> None:
    async with world(tmp_path) as one:
        how = process(tmp_path / "host", one.given)
        command = (sys.executable, "-m", "quorum_mcp.server")
        works(await judged(era, "stdio", *command, env=how.env))
