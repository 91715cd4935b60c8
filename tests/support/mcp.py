"""MCP clients of a server: the official one, over HTTP and stdio, and bare POSTs where a test looks at the wire."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from tests.support.server import Config, environment, write_config

MODERN, LEGACY = "2026-07-28", "2025-11-25"
MODES = {MODERN: "auto", LEGACY: "legacy"}
META = "io.modelcontextprotocol/"


@asynccontextmanager
async def over_http(
    url: str, revision: str, *, toolsets: str = "", options: Mapping[str, Any] | None = None, **headers: str
) -> AsyncIterator[Client]:
    """The official client of the server at `url`; `options` are more of its own arguments."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(headers=named, timeout=30) as http,
        Client(
            streamable_http_client(
                url + "/mcp" + (f"?toolsets={toolsets}" if toolsets else ""), http_client=http
            ),
            mode=MODES[revision],
            **(options or {}),
        ) as client,
    ):
        assert client.protocol_version == revision
        yield client


@asynccontextmanager
async def over_stdio(
    home: Path,
    given: Config | str,
    revision: str,
    *,
    toolsets: str = "",
    options: Mapping[str, Any] | None = None,
    **env: str,
) -> AsyncIterator[Client]:
    """The official client of a process of its own; `options` are more of its arguments."""
    how = process(home, given, toolsets=toolsets, **env)
    async with Client(how, mode=MODES[revision], **(options or {})) as client:
        assert client.protocol_version == revision
        yield client


def process(home: Path, given: Config | str, *, toolsets: str = "", **env: str) -> StdioServerParameters:
    """How a host starts Quorum."""
    variables = environment(home, write_config(home, given), env)
    args = ["-m", "quorum_mcp", "mcp", "--toolsets", toolsets] if toolsets else ["-m", "quorum_mcp.server"]
    return StdioServerParameters(command=sys.executable, args=args, env=variables, cwd=home)


class Wire:
    """Bare requests to /mcp in one revision, for what a client library hides."""

    def __init__(self, session: aiohttp.ClientSession, url: str, revision: str) -> None:
        self.url = url + "/mcp"
        self.revision = revision
        self.last_id = 1
        self._session = session
        self._headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": revision}

    async def open(self) -> None:
        """The handshake, where the revision has one."""
        if self.revision == MODERN:
            return
        params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        async with self.post("initialize", params, request_id=1) as response:
            assert response.status == 200, await response.text()
            self._headers["mcp-session-id"] = response.headers["mcp-session-id"]
        async with self.post("notifications/initialized", {}) as response:
            assert response.status == 202

    def post(self, method: str, params: Mapping[str, Any], *, request_id: int | None = None) -> Any:
        """One POST, as a context; without `request_id` a notification."""
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": dict(params)}
        headers = self._headers | {"content-type": "application/json"}
        if request_id is not None:
            body["id"] = request_id
        if self.revision == MODERN:
            client = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
            body["params"]["_meta"] = client | body["params"].get("_meta", {})
            headers |= {"mcp-method": method, "mcp-name": str(params.get("name", ""))}
        return self._session.post(self.url, json=body, headers=headers, allow_redirects=False)

    def call(self, tool: str, *, token: int | None = None, **arguments: Any) -> Any:
        """`tools/call`, as a context; `last_id` is its id."""
        self.last_id += 1
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.post("tools/call", params, request_id=self.last_id)


@asynccontextmanager
async def bare(url: str, revision: str, **headers: str) -> AsyncIterator[Wire]:
    """A wire whose handshake is done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession(headers=named) as session:
        wire = Wire(session, url, revision)
        await wire.open()
        yield wire


async def messages(response: aiohttp.ClientResponse) -> list[dict[str, Any]]:
    """All messages of a response, whether it is one JSON body or a stream."""
    if response.content_type == "application/json":
        return [await response.json()]
    lines = (await response.read()).decode().splitlines()
    pieces = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(piece) for piece in pieces if piece]  # the first one of a resumable stream is empty
