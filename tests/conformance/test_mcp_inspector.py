"""The command line of the MCP Inspector, over HTTP and stdio: it lists and calls every default tool."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conformance.default_tools import CALLS, World, every_tool_works, world
from tests.support.mcp import process

INSPECTOR = (
    Path(__file__).parent / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
)
AT_ONCE = 3

pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(120)]


async def inspected(home: Path, target: tuple[str, ...], *options: str) -> Any:
    """What the Inspector prints; skips loudly where it is not installed."""
    node = shutil.which("node")
    if node is None or not INSPECTOR.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("the Inspector is missing: `./dev test` installs it, or `npm ci` in tests/conformance")
    command = [node, str(INSPECTOR), "--cli", *target, *options]
    done = await anyio.run_process(command, check=False, env=os.environ | {"HOME": str(home)})
    assert done.returncode == 0, (options, done.stderr.decode())
    return json.loads(done.stdout)


def targets(one: World, home: Path) -> dict[str, tuple[str, ...]]:
    """How the server is reached: by its address, and by a process of one's own that relays to it."""
    own = process(home, {}, QUORUM_URL=one.url)
    assert own.env is not None
    given = [word for name, value in own.env.items() for word in ("-e", f"{name}={value}")]
    return {
        "http": (one.url + "/mcp", "--transport", "http"),
        "stdio": (sys.executable, *given, "-m", "quorum_mcp.server"),
    }


@pytest.mark.parametrize("how", ["http", "stdio"])
async def test_the_inspector_calls_every_default_tool(tmp_path: Path, how: str) -> None:
    results: dict[str, Any] = {}
    limit = anyio.CapacityLimiter(AT_ONCE)
    async with world(tmp_path) as one:
        target = targets(one, tmp_path / "host")[how]

        async def call(name: str, given: dict[str, Any]) -> None:
            words = [
                f"{key}={value if isinstance(value, str) else json.dumps(value)}"
                for key, value in given.items()
            ]
            options = [word for pair in words for word in ("--tool-arg", pair)]
            async with limit:
                found = await inspected(
                    tmp_path, target, "--method", "tools/call", "--tool-name", name, *options
                )
            assert found["isError"] is False, found
            results[name] = found["structuredContent"]

        # Strict: it fails where a schema would not be understood by some host.
        listed = await inspected(tmp_path, target, "--method", "tools/list", "--strict")
        async with anyio.create_task_group() as group:
            for name, given in CALLS.items():
                group.start_soon(call, name, given)
        await call("q_out", {"session_id": results["q_in"]["session_id"]})
    assert results.pop("q_out")["conclusion"] == "A"
    every_tool_works([tool["name"] for tool in listed["tools"]], results)
