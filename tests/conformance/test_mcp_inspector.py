"""The MCP Inspector's command lines, over HTTP and stdio: they list and call every default tool."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conformance.default_tools import CALLS, every_tool_works, world
from tests.support.mcp import process

CLIENTS = Path(__file__).parent / "node_modules/@modelcontextprotocol/inspector/clients"
ONCE, LASTING = CLIENTS / "launcher/build/index.js", CLIENTS / "mcpdo/build/mcp-bin.js"
AT_ONCE = 3

pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(90)]


async def inspected(program: Path, *words: str, env: Mapping[str, str]) -> str:
    """What the Inspector prints; skips loudly where it is not installed."""
    node = shutil.which("node")
    if node is None or not program.exists():  # noqa: ASYNC240
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("the Inspector is missing: `./dev test` installs it, or `npm ci` in tests/conformance")
    done = await anyio.run_process([node, str(program), *words], check=False, env={**os.environ, **env})
    assert done.returncode == 0, (words, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


async def test_over_http(tmp_path: Path) -> None:
    """In the older revision, by the client that connects once for each call."""
    results: dict[str, Any] = {}
    limit = anyio.CapacityLimiter(AT_ONCE)
    async with world(tmp_path) as one:

        async def ask(method: str, *words: str) -> Any:
            target = ("--cli", one.url + "/mcp", "--transport", "http", "--method", method)
            return json.loads(await inspected(ONCE, *target, *words, env={"HOME": str(tmp_path)}))

        async def call(name: str, given: Mapping[str, Any]) -> None:
            values = {
                key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()
            }
            words = [word for key, value in values.items() for word in ("--tool-arg", f"{key}={value}")]
            async with limit:
                found = await ask("tools/call", "--tool-name", name, *words)
            assert found["isError"] is False, found
            results[name] = found["structuredContent"]

        # Strict: it fails where some host would not understand a schema.
        listed = await ask("tools/list", "--strict")
        async with anyio.create_task_group() as group:
            for name, given in CALLS.items():
                group.start_soon(call, name, given)
        await call("q_out", {"session_id": results["q_in"]["session_id"]})
    assert results.pop("q_out")["conclusion"] == "A"
    every_tool_works([tool["name"] for tool in listed["tools"]], results)


async def test_over_stdio(tmp_path: Path) -> None:
    """In the newer revision, by the client that keeps one connection, because each one starts a process of ours."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="mcpdo-") as short:  # paths of sockets may not be long
        env = {
            "HOME": short,
            "MCP_INSPECTOR_DAEMON_DIR": short,
            "MCP_INSPECTOR_DAEMON_TOKEN": "token-of-the-tests",
        }
        async with world(tmp_path) as one:
            own = process(tmp_path / "host", one.given)
            assert own.env is not None
            given = [word for name, value in own.env.items() for word in ("-e", f"{name}={value}")]
            command = ("--", sys.executable, "-m", "quorum_mcp.server")
            said = await inspected(LASTING, "connect", "@own", "--era", "modern", *given, *command, env=env)
            assert "Era: modern" in said

            async def ask(*words: str) -> Any:
                return json.loads(
                    await inspected(LASTING, "--format", "json", "--connection", "own", *words, env=env)
                )

            try:
                listed = await ask("tools/list")
                for name, arguments in CALLS.items():
                    results[name] = await ask("tools/call", name, json.dumps(arguments))
                session = results["q_in"]["structuredContent"]["session_id"]
                answer = await ask("tools/call", "q_out", json.dumps({"session_id": session}))
            finally:
                await inspected(LASTING, "daemon", "stop", env=env)
    assert answer["structuredContent"]["conclusion"] == "A"
    found = {name: result["structuredContent"] for name, result in results.items()}
    every_tool_works([tool["name"] for tool in listed["tools"]], found)
