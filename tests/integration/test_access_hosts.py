"""Foreign hosts and origins on every route, every port and the WebSocket: none is let in."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.routing import Route, WebSocketRoute
from tests.support.rest import Rest
from tests.support.server import config, free_port, serving

from quorum_mcp.api import server
from quorum_mcp.api.mcp.endpoint import PATHS
from quorum_mcp.operations.manifest import operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
NOBODY = "http://127.0.0.1:9/v1"
OPEN = {"/api/health/live", "/api/health/ready"}
SOCKETS = ("/ws", "/")
TOOLS = ("/mcp/get_orchestrator_status", "/tools/list_models")
ALLOWED = {"allowed_hosts": ["quorum.test"], "allowed_origins": ["https://board.test"]}
HOSTS = [
    "evil.example", "EVIL.example", "evil.example.", "evil.example:{port}", "evil.example:80", "127.0.0.1.evil.example",
    "localhost.evil.example:{port}", "127.0.0.1.nip.io", "localtest.me:{port}", "evillocalhost", "localhost.",
    "localhost..", ".localhost", "local host", "quorum.test.", "quorum.test.evil.example", "xquorum.test",
    "sub.quorum.test", "sub.localhost", "evil.example@127.0.0.1", "127.0.0.1@evil.example", "127.0.0.1#evil.example",
    "127.0.0.1\\.evil.example", "evil.example%00.127.0.0.1", "127.0.0.1,evil.example", "127.0.0.1 evil.example",
    "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "0.0.0.0", "0", "10.0.0.1",
    "192.168.0.1:{port}", "169.254.169.254", "[::]", "[::ffff:8.8.8.8]", "[::ffff:10.0.0.1]:{port}", "[fe80::1]",
    "[::1", "::1]", "[::1]evil.example", "[::1].evil.example", "localhost:99999", "localhost:-1", "localhost:x",
    "localhost:80:80", "lоcalhost", "xn--lcalhost-2fg", "localhost\t.evil.example", "http://localhost", "//localhost",
    "localhost/evil", "localhost?evil", "*", "null", "_", "",
]  # fmt: skip
ORIGINS = [
    "https://evil.example", "http://evil.example:{port}", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost",
    "http://localhost:1", "https://localhost:1", "http://[::1]", "http://[::1]:1", "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}@evil.example", "http://evil.example/127.0.0.1:{port}", "http://evil.example#127.0.0.1:{port}",
    "http://evil.example?127.0.0.1:{port}", "HTTP://EVIL.EXAMPLE", "http://127.0.0.2:{port}", "http://localhost.:{port}",
    "ftp://127.0.0.1:{port}", "file://", "file://127.0.0.1:{port}", "null", "NULL", "", " ", "127.0.0.1:{port}",
    "//127.0.0.1:{port}", "chrome-extension://abcdef", "https://board.test.evil.example", "https://board.test:444",
    "http://board.test", "https://sub.board.test", "https://board.test.", "data:", "javascript:alert(1)", "*",
    "http://127.0.0.1:{port},https://evil.example", "http://127.0.0.1:{port} https://evil.example",
    "http://2130706433:{port}", "http://0.0.0.0:{port}",
]  # fmt: skip


@pytest.fixture
def metrics_port() -> int:
    return free_port()


@pytest.fixture
def bridge() -> list[int]:
    """The bridge's ports: of /mcp/TOOL, of the WebSocket, of /tools/TOOL."""
    return [free_port() for _ in range(3)]


@pytest.fixture
async def q(tmp_path: Path, metrics_port: int, bridge: list[int]) -> AsyncIterator[Rest]:
    """A server that trusts callers of this machine, with ports of their own for its metrics and the bridge."""
    ports = {"bridge": True, "bridge_rest_port": bridge[0], "bridge_websocket_port": bridge[1]}
    given = config(NOBODY, server=ALLOWED | ports | {"metrics_port": metrics_port})
    async with serving(tmp_path, given, MCP_PORT=str(bridge[2])) as rest:
        yield rest


def routes() -> list[tuple[str, str]]:
    """Every method and path that the application serves, with words for the names in it."""
    found = {("POST", path) for path in PATHS} | {("GET", path) for path in PATHS} | {("GET", "/nothing")}
    for route in server._routes(server.Holder()):
        if isinstance(route, Route):
            found |= {(method, route.path) for method in route.methods or {"GET"}}
        else:
            assert isinstance(route, WebSocketRoute)
            assert route.path in SOCKETS, "test this WebSocket as well"
    own = {(one.http.method, one.http.path) for one in operations().values() if one.http is not None}
    assert own <= found
    return sorted((method, path.replace(":path", "")) for method, path in found if path not in OPEN)


def words(template: str, url: str) -> str:
    return template.replace("{port}", url.rpartition(":")[2])


async def raw(url: str, head: str) -> int:
    """The status that bare bytes are answered with; 0 where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        writer.write(head.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
        line = await asyncio.wait_for(reader.readline(), 10)
        return int(line.split()[1]) if line else 0
    finally:
        writer.close()


async def attempt(url: str, method: str, path: str, **headers: str) -> int:
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return await raw(url, f"{method} {path} HTTP/1.1\n{lines}content-length: 0\nconnection: close\n\n")


async def test_no_route_answers_a_foreign_host_or_origin(q: Rest) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    own = q.url.removeprefix("http://")
    for method, path in routes():
        for host in ["evil.example", "localhost.evil.example", *chance.sample(HOSTS, 6)]:
            status = await attempt(q.url, method, path, host=words(host, q.url))
            assert status in (0, 400, 403), (method, path, host, status)
        for origin in ["https://evil.example", "null", *chance.sample(ORIGINS, 4)]:
            status = await attempt(q.url, method, path, host=own, origin=words(origin, q.url))
            assert status in (400, 403), (method, path, origin, status)
    assert (await q.get("/api/sessions"))["sessions"] == []
    assert (await q.get("/api/keys"))["keys"] == []


@pytest.mark.parametrize("path", ["/api/sessions", "/mcp", "/", "/v1/models", "/metrics", *TOOLS])
async def test_every_form_of_a_foreign_name(q: Rest, metrics_port: int, bridge: list[int], path: str) -> None:
    ports = {"/metrics": [metrics_port], TOOLS[0]: bridge[:1], TOOLS[1]: bridge[2:]}.get(path, [])
    for url in (q.url, *(f"http://127.0.0.1:{port}" for port in ports)):
        own = url.removeprefix("http://")
        for host in HOSTS:
            status = await attempt(url, "GET", path, host=words(host, url))
            assert status in (0, 400, 403), (host, status)
        for origin in ORIGINS:
            status = await attempt(url, "GET", path, host=own, origin=words(origin, url))
            assert status in (400, 403), (origin, status)
        assert await attempt(url, "GET", path, host=own, origin=url) not in (0, 400, 403) or path == "/mcp"


async def test_the_websockets_open_for_nobody_else(q: Rest, bridge: list[int]) -> None:
    for url in (*(q.url + path for path in SOCKETS), f"http://127.0.0.1:{bridge[1]}/"):
        port = f"http://{urlsplit(url).netloc}"

        async def opens(url: str = url, **headers: str) -> bool:
            try:
                async with q.session.ws_connect(url, headers=headers):
                    return True
            except (aiohttp.WSServerHandshakeError, ValueError):
                return False

        assert await opens()
        for host in HOSTS:
            assert not await opens(host=words(host, port)), host
        for origin in ORIGINS:
            assert not await opens(origin=words(origin, port)), origin
        assert await opens(origin="https://board.test", host="quorum.test")


HANDSHAKE = "upgrade: websocket\nconnection: upgrade\nsec-websocket-version: 13\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n"


@pytest.mark.parametrize(
    "head",
    [
        "GET {path} HTTP/1.0\n\n",
        "GET {path} HTTP/1.1\nconnection: close\n\n",
        "GET {path} HTTP/1.1\nhost: {own}\nhost: evil.example\n\n",
        "GET {path} HTTP/1.1\nhost: evil.example\nhost: {own}\n\n",
        "GET {path} HTTP/1.1\nhost: {own}\norigin: http://{own}\norigin: https://evil.example\n\n",
        "GET {path} HTTP/1.1\nhost: {own}\norigin: https://evil.example\norigin: http://{own}\n\n",
        "GET {path} HTTP/1.1\nhost: {own}\nHost: evil.example\n\n",
        "GET {path} HTTP/1.1\nhost: {own}\n evil.example\n\n",
        "GET {path} HTTP/1.1\nhost:\n\n",
        "GET http://evil.example{path} HTTP/1.1\nhost: evil.example\n\n",
        "GET http://{own}{path} HTTP/1.1\nhost: evil.example\n\n",
    ],
)
async def test_heads_that_no_client_library_writes(q: Rest, head: str) -> None:
    own = q.url.removeprefix("http://")
    for path in ("/api/sessions", "/mcp", "/"):
        assert await raw(q.url, head.format(own=own, path=path)) in (0, 400, 403)
    upgrade = head.replace("\n\n", "\n" + HANDSHAKE + "\n")
    for path in SOCKETS:
        assert await raw(q.url, upgrade.format(own=own, path=path)) in (0, 400, 403)


async def test_its_own_names_in_every_spelling(q: Rest) -> None:
    port = q.url.rpartition(":")[2]
    for host in ("127.0.0.1", "LocalHost", f"LOCALHOST:{port}", "[::1]", f"[0:0:0:0:0:0:0:1]:{port}", "127.255.0.1",
                 "QUORUM.test", f"quorum.TEST:{port}"):  # fmt: skip
        assert await attempt(q.url, "GET", "/api/sessions", host=host) == 200, host
        status = await attempt(q.url, "GET", "/api/sessions", host=host, origin=f"http://{host}")
        assert status == 200, host
    for origin in ("https://board.test", "https://board.test/"):
        assert await attempt(q.url, "GET", "/api/sessions", host="localhost", origin=origin) == 200
