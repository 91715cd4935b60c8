"""fastmcp's client, over HTTP and stdio: it lists and calls every default tool."""

import sys
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from tests.conformance.default_tools import CALLS, every_tool_works, world
from tests.support.mcp import process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.mark.parametrize("how", ["http", "stdio"])
async def test_fastmcp_calls_every_default_tool(tmp_path: Path, how: str) -> None:
    async with world(tmp_path) as one:
        own = process(tmp_path / "host", one.given)
        stdio = StdioTransport(sys.executable, ["-m", "quorum_mcp.server"], env=own.env, cwd=str(tmp_path))
        heard: list[str] = []

        async def hear(_: float, __: float | None, message: str | None) -> None:
            heard.append(message or "")

        async with Client(one.url + "/mcp" if how == "http" else stdio) as client:
            listed = [tool.name for tool in await client.list_tools()]
            results = {
                name: (await client.call_tool(name, given, progress_handler=hear)).structured_content
                for name, given in CALLS.items()
            }
            session = {"session_id": results["q_in"]["session_id"]}
            answer = (await client.call_tool("q_out", session)).structured_content
            uris = {str(resource.uri) for resource in await client.list_resources()}
            prompts = {prompt.name for prompt in await client.list_prompts()}
    every_tool_works(listed, results)
    assert (answer["status"], answer["conclusion"]) == ("completed", "A")
    assert "lab/a answered: A" in heard
    assert f"quorum://sessions/{session['session_id']}" in uris
    assert "ask_panel" in prompts
