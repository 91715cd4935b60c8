"""WebSockets flooded, fed nonsense and not read: a clear refusal, others are served, and memory stays bounded."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from tests.support.frames import BINARY, CLOSE, CONTINUED, PING, TEXT, frame, raw
from tests.support.keys import ALL, BOOTSTRAP, make_key
from tests.support.rest import Rest, client
from tests.support.script import Say
from tests.support.server import Server, config, free_port
from tests.support.upstream import Upstream, threaded

from quorum_mcp.api.crowd import MOST_OF_ONE
from quorum_mcp.config.bounds import MAX_MESSAGE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
PATHS = ("/ws", "/")
MIB = 1024 * 1024
GROWTH = 64
"""MiB by which the server may grow while it is flooded."""
LONG = bool(os.environ.get("QUORUM_LONG_FAULTS"))


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with threaded() as found:
        found.model("a", "It is four.\nCONCLUSION: 4")
        found.model("long", Say("word " * 200_000, piece=20_000))
        yield found


@pytest.fixture(scope="module")
def server(up: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with its bridge, for all of these; it must still be well after the last."""
    ports = {"bridge": True, "bridge_rest_port": free_port(), "bridge_websocket_port": free_port()}
    home = tmp_path_factory.mktemp("flooded")
    given = config(up.url, server=ports)
    with Server(home, given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP, MCP_PORT=str(free_port())) as found:
        yield found
        assert "Traceback" not in found.log()


@pytest.fixture
async def keys(server: Server) -> AsyncIterator[tuple[Rest, dict[str, str], dict[str, str]]]:
    """The operator, and the headers of two callers."""
    async with client(server.url, authorization=f"Bearer {BOOTSTRAP}") as operator:
        made = [await make_key(operator, name, scopes=ALL) for name in ("flood", "other")]
        yield operator, *({"authorization": f"Bearer {one['key']}"} for one in made)


def rss(server: Server) -> float:
    """MiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def served(server: Server, headers: dict[str, str]) -> float:
    """Somebody else is answered on both WebSockets and over REST; the seconds that took."""
    began = time.monotonic()
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(server.url + "/api/stats") as answer:
            assert answer.status == 200
        async with session.ws_connect(server.url + "/ws") as socket:
            await socket.send_str('{"action": "ping"}')
            while json.loads((await socket.receive(5)).data)["type"] != "pong":
                pass
        async with session.ws_connect(server.url + "/") as socket:
            await socket.receive(5)
            await socket.send_str('{"method": "count_tokens", "params": {"text": "two"}}')
            assert json.loads((await socket.receive(5)).data)["success"]
    return time.monotonic() - began


Keys = tuple[Rest, dict[str, str], dict[str, str]]


@pytest.mark.parametrize("path", PATHS)
async def test_many_connections_of_one_caller(server: Server, keys: Keys, path: str) -> None:
    _, flood, other = keys
    refused: list[int] = []
    async with AsyncExitStack() as stack, aiohttp.ClientSession(
        headers=flood, connector=aiohttp.TCPConnector(limit=0)
    ) as session:  # fmt: skip
        for _ in range(MOST_OF_ONE):
            await stack.enter_async_context(session.ws_connect(server.url + path, autoping=False))
        for _ in range(10):
            async with session.get(server.url + path, headers=HANDSHAKE) as answer:
                body = await answer.json()
                refused.append(answer.status)
        assert await served(server, other) < 5
    assert refused == [429] * 10
    assert (body["error"]["code"], answer.headers["retry-after"]) == ("rate_limited", "5")
    async with aiohttp.ClientSession(headers=flood) as session:  # they are closed: there is room again
        for _ in range(20):
            try:
                async with session.ws_connect(server.url + path):
                    return
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.1)
    pytest.fail("the places are not given back")


HANDSHAKE = {
    "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip
FLOODS = {
    "frames that ask": ("/", b'{"method": "get_orchestrator_status"}'),
    "frames that ask too": ("/ws", b'{"action": "ping", "id": "' + b"x" * 500 + b'"}'),
    "frames that are none": ("/", b"{" * 1000),
    "frames that are none either": ("/ws", b"{" * 1000),
    "empty frames": ("/", b""),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_many_frames_of_callers_that_read_nothing(server: Server, keys: Keys, name: str) -> None:
    path, data = FLOODS[name]
    _, flood, other = keys
    before, piece = rss(server), frame(data) * 2000
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(raw(server.url + path, limit=1024, **flood)) for _ in range(16)
        ]

        async def pour(at: int) -> None:
            try:
                async with asyncio.timeout(6 if LONG else 0.8):
                    while True:
                        await sockets[at].send(piece)
                        await asyncio.sleep(0.01)  # this process has to serve the others' clients too
            except (TimeoutError, ConnectionError):
                pass

        pouring = [asyncio.create_task(pour(at)) for at in range(len(sockets))]
        took = await served(server, other)
        await asyncio.gather(*pouring)
        grown = rss(server) - before
    print(f"{name}: +{grown:.0f} MiB, others answered in {took:.2f} s")
    assert took < 8
    assert grown < GROWTH


HUGE = {
    "one frame that is too long": [frame(b"x" * (MAX_MESSAGE + 1))],
    "one that only says it is": [frame(b"")[:1] + bytes([0x80 | 127]) + (1 << 62).to_bytes(8, "big") + bytes(4)],
    "fragments that are too much": [
        frame(b"x" * (MAX_MESSAGE // 2), last=False), *[frame(b"x" * (MAX_MESSAGE // 2), CONTINUED, last=False)] * 2
    ],
    "fragments that are too many": [frame(b"x", last=False), frame(b"xx", CONTINUED, last=False) * 5000],
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_messages_that_are_too_large(server: Server, keys: Keys, path: str) -> None:
    _, flood, other = keys
    for name, sent in HUGE.items():
        async with raw(server.url + path, **flood) as socket:
            try:
                for piece in sent:
                    await socket.send(piece)
                code = await socket.closed()
            except ConnectionError:
                code = None
            assert code in (1009, None), name
            if len(sent) == 1:
                assert code == 1009, name
    assert await served(server, other) < 5


async def test_messages_that_never_end(server: Server, keys: Keys) -> None:
    _, flood, other = keys
    before = rss(server)
    async with AsyncExitStack() as stack:
        begun = frame(b"x" * MAX_MESSAGE)[: MAX_MESSAGE * 3 // 4]
        for _ in range(48):
            socket = await stack.enter_async_context(raw(server.url + "/", **flood))
            await socket.send(begun)
        assert await served(server, other) < 5
        grown = rss(server) - before
    print(f"48 messages of 768 KiB that never end: +{grown:.0f} MiB")
    assert grown < 48 * 2


MALFORMED = {
    "not masked": (frame(b"{}", masked=False), 1002),
    "a reserved bit": (frame(b"{}", bits=2), 1002),
    "a reserved kind": (frame(b"{}", 0x3), 1002),
    "a continuation of nothing": (frame(b"{}", CONTINUED), 1002),
    "a message within a message": (frame(b"{", last=False) + frame(b"{}"), 1002),
    "a ping in pieces": (frame(b"", PING, last=False), 1002),
    "a long ping": (frame(b"x" * 126, PING), 1002),
    "text that is no UTF-8": (frame(b"\xff\xfe"), 1007),
    "a close of one byte": (frame(b"\x03", CLOSE), 1002),
    "noise": (bytes(range(250, 256)) * 50, 1002),
}


@pytest.mark.parametrize("path", PATHS)
async def test_frames_that_no_client_sends(server: Server, keys: Keys, path: str) -> None:
    _, flood, other = keys
    for name, (sent, code) in MALFORMED.items():
        async with raw(server.url + path, **flood) as socket:
            await socket.send(sent)
            assert await socket.closed() == code, name
    for kind in (TEXT, BINARY):
        async with raw(server.url + path, **flood) as socket:
            await socket.send(frame(b"\x00" * 100, kind) + frame(b"\x03\xe8", CLOSE))
            assert await socket.closed() == 1000
    assert await served(server, other) < 5


HANDSHAKES = {
    "no key": {"sec-websocket-key": ""},
    "a key that is none": {"sec-websocket-key": "x"},
    "no version": {"sec-websocket-version": ""},
    "an old version": {"sec-websocket-version": "8"},
    "another upgrade": {"upgrade": "h2c"},
}


async def test_handshakes_that_are_none(server: Server, keys: Keys) -> None:
    _, flood, other = keys
    for name, changed in HANDSHAKES.items():
        for path in PATHS:
            with pytest.raises((AssertionError, asyncio.IncompleteReadError)):
                async with raw(server.url + path, **{**flood, **changed}):
                    pytest.fail(f"{name} was let in")
    assert await served(server, other) < 5


async def test_readers_that_take_nothing(server: Server, keys: Keys) -> None:
    """A megabyte each for 24 callers who do not read: what is written for them waits with the provider."""
    _, flood, other = keys
    before = rss(server)
    async with AsyncExitStack() as stack:
        asked = {"model": "lab/long", "messages": [{"role": "user", "content": "?"}]}
        sent = frame(json.dumps({"method": "generate", "params": asked, "stream": True}).encode())
        for _ in range(24):
            socket = await stack.enter_async_context(raw(server.url + "/", limit=1024, **flood))
            await socket.send(sent)
        await asyncio.sleep(1.0)
        took, grown = await served(server, other), rss(server) - before
    print(f"24 readers of 1 MB that take nothing: +{grown:.0f} MiB, others answered in {took:.2f} s")
    assert took < 5
    assert grown < 24 * 3
