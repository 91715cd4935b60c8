"""Who may call /mcp: hosts, origins, keys, sizes."""

import asyncio
import json
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from tests.support.mcp import LEGACY, META, MODERN, bare, messages, over_http
from tests.support.server import serving

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(10)]
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])
NAMED = {"server": {"allowed_hosts": ["quorum.test"], "allowed_origins": ["https://page.test"]}}
BUILTIN = {"panels": {"default": ["builtin/arithmetic"]}}


async def tokens(url: str, revision: str, **headers: str) -> int:
    """The answer of a tool that needs nothing."""
    async with bare(url, revision, **headers) as wire, wire.call("count_tokens", text="x") as response:
        return (await messages(response))[-1]["result"]["structuredContent"]["tokens"]


@BOTH
async def test_an_allowed_host_is_served(tmp_path: Path, revision: str) -> None:
    async with serving(tmp_path, NAMED | BUILTIN) as rest:
        for host in ("quorum.test", "quorum.test:8000", "localhost:1", "127.0.0.1"):
            assert await tokens(rest.url, revision, host=host) == 1
        assert await tokens(rest.url, revision, origin="https://page.test") == 1


@BOTH
@pytest.mark.parametrize("headers", [{"host": "evil.test"}, {"origin": "https://evil.test"}])
async def test_others_are_refused(tmp_path: Path, revision: str, headers: dict[str, str]) -> None:
    async with serving(tmp_path, NAMED | BUILTIN) as rest:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        sent = headers | {"accept": "application/json, text/event-stream", "mcp-protocol-version": revision}
        answer = await rest.post("/mcp", body, headers=sent)
        assert (answer.status, answer.error["code"]) == (403, "forbidden")
        assert await tokens(rest.url, revision) == 1


@BOTH
async def test_with_a_key_everyone_needs_it(tmp_path: Path, revision: str) -> None:
    async with serving(tmp_path, BUILTIN, QUORUM_BOOTSTRAP_KEY="let-me-in") as rest:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            answer = await rest.post("/mcp", {}, headers=headers)
            assert (answer.status, answer.error["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"
        async with over_http(rest.url, revision, authorization="Bearer let-me-in") as client:
            assert not (await client.call_tool("count_tokens", {"text": "x"})).is_error
        async with over_http(rest.url, revision, x_api_key="let-me-in") as client:
            assert (await client.list_tools()).tools


async def test_a_session_still_needs_the_key(tmp_path: Path) -> None:
    async with serving(tmp_path, BUILTIN, QUORUM_BOOTSTRAP_KEY="let-me-in") as rest:
        async with bare(rest.url, LEGACY, authorization="Bearer let-me-in") as wire:
            session = wire._headers["mcp-session-id"]
        headers = {"mcp-session-id": session, "accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        assert (await rest.post("/mcp", body, headers=headers)).status == 401


async def test_both_spellings_of_the_path_answer_without_a_redirect(tmp_path: Path) -> None:
    async with serving(tmp_path, BUILTIN) as rest:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
        headers = {"accept": "application/json, text/event-stream"}
        for path in ("/mcp", "/mcp/"):
            answer = await rest.post(path, body, headers=headers, allow_redirects=False)
            assert answer.status == 200
            assert "-32602" in str(answer.body)  # it is read as a request, and an incomplete one


async def test_broken_bodies_are_refused_and_the_server_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path, BUILTIN) as rest, aiohttp.ClientSession() as session:
        headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
            "mcp-protocol-version": MODERN,
        }
        deep = b"[" * 100_000
        for body, status in ((b"{", 400), (b"\xff\xfe", 400), (deep, 400), (b"x" * (33 << 20), 413)):
            async with session.post(rest.url + "/mcp", data=BytesIO(body), headers=headers) as response:
                assert response.status == status
        assert await tokens(rest.url, MODERN) == 1


async def test_white_space_around_a_header_is_no_part_of_it(tmp_path: Path) -> None:
    meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
    params = {"name": "count_tokens", "arguments": {"text": "x"}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
        f"accept: application/json, text/event-stream\r\nmcp-protocol-version: {MODERN}\r\n"
        f"mcp-method:  tools/call \t\r\nmcp-name: count_tokens  \r\ncontent-length: {len(body)}\r\n\r\n"
    )
    async with serving(tmp_path, BUILTIN) as rest:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(rest.url.rpartition(":")[2]))
        writer.write((head + body).encode())
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"tokens":1' in answer
