"""The HTTP client of providers, on both event loops: what servers send, as bytes, and what is kept of it."""

import asyncio
import ssl
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.integration.providers.byteserver import LAST, ByteServer, End, chunk, whole

from quorum_mcp.errors import BadProviderAnswer, ProviderUnavailable, QuorumError
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.connections import Connection, Target, encoded, target_of
from quorum_mcp.providers.pool import Pool
from quorum_mcp.providers.transport import HttpAnswer, HttpRequest, Transport

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
TIMES = Timeouts(connect=2, first_byte=4, idle=4, total=5)
BODY = b'{"answer": "four"}' * 100


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param}


async def fetched(transport: Transport, url: str, **headers: str) -> HttpAnswer:
    return await transport.fetch(HttpRequest("POST", url + "/v1/x?y=%20z", b"{}", headers), TIMES)


def packed(bits: int) -> bytes:
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(BODY) + packer.flush()


def with_head(lines: str, body: bytes) -> list[Any]:
    return [f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body]


ANSWERS: dict[str, list[Any]] = {
    "length": whole(BODY),
    "byte by byte": [bytes([one]) for one in whole(BODY)[0]],  # type: ignore[union-attr]
    "chunks": with_head("transfer-encoding: chunked\r\n", chunk(BODY[:7]) + chunk(BODY[7:]) + LAST),
    "chunks with trailers": with_head(
        "transfer-encoding: chunked\r\n", chunk(BODY) + b"0\r\nx-checksum: 1\r\n\r\n"
    ),
    "until its end": [*with_head("", BODY[:9]), 0.05, BODY[9:], End.CUT],
    "hints before": [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", 0.02, *whole(BODY)],
    "go on before": [b"HTTP/1.1 100 Continue\r\n\r\n" + whole(BODY)[0]],  # type: ignore[operator]
    "gzip": whole(packed(31), headers={"content-encoding": "gzip"}),
    "deflate": whole(packed(15), headers={"Content-Encoding": "deflate"}),
    "HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\n" + BODY, End.CUT],
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_answer(kind: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: ANSWERS[kind]
    for _ in range(2):
        answer = await fetched(transport, server.url)
        assert (answer.status, answer.body) == (200, BODY)
    kept = kind not in ("until its end", "HTTP/1.0")
    assert server.connections == (1 if kept else 2)
    request = server.requests[0]
    assert (request.path, request.body) == ("/v1/x?y=%20z", b"{}")
    assert request.headers["host"] == server.url.removeprefix("http://")
    assert request.headers["accept-encoding"] == "gzip, deflate"


BROKEN: dict[str, tuple[list[Any], type[QuorumError]]] = {
    "no HTTP": ([b"SSH-2.0-OpenSSH\r\n\r\n"], BadProviderAnswer),
    "two lengths": (with_head("content-length: 3\r\ncontent-length: 4\r\n", b"four"), BadProviderAnswer),
    "an endless head": ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000], BadProviderAnswer),
    "a cut length": ([*with_head("content-length: 9\r\n", b"four"), End.CUT], BadProviderAnswer),
    "a cut chunk": (
        [*with_head("transfer-encoding: chunked\r\n", b"9\r\nfour"), End.CUT],
        BadProviderAnswer,
    ),
    "no gzip": (whole(b"four", headers={"content-encoding": "gzip"}), BadProviderAnswer),
    "nothing": ([End.CUT], ProviderUnavailable),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_answer(kind: str, server: ByteServer, transport: Transport) -> None:
    steps, error = BROKEN[kind]
    server.answer = lambda _: steps
    with pytest.raises(error):
        await fetched(transport, server.url)
    server.answer = lambda _: whole(BODY)
    assert (await fetched(transport, server.url)).body == BODY


async def test_what_is_packed_does_not_grow_without_bound(server: ByteServer) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    server.answer = lambda _: whole(bomb, headers={"content-encoding": "gzip"})
    transport = Transport(max_body=1_000_000)
    with pytest.raises(BadProviderAnswer, match="larger"):
        await fetched(transport, server.url)
    await transport.close()


async def test_a_connection_that_ended_meanwhile_is_not_used(
    server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: [*whole(BODY), 0.05, End.CUT]
    await fetched(transport, server.url)
    await asyncio.sleep(0.2)
    await fetched(transport, server.url)
    assert server.connections == 2


async def test_idle_connections_end(server: ByteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorum_mcp.providers.pool.IDLE_SECONDS", 0.2)
    server.answer = lambda _: whole(BODY)
    transport = Transport()
    for _ in range(2):
        await fetched(transport, server.url)
        await asyncio.sleep(0.5)
    assert server.connections == 2
    await transport.close()


async def test_many_at_once(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [0.05, *whole(BODY)]
    for _ in range(2):
        answers = await asyncio.gather(*(fetched(transport, server.url) for _ in range(50)))
        assert {answer.body for answer in answers} == {BODY}
    assert server.connections == 50


@pytest.mark.parametrize("name", ["x-a: b\r\nx-c", "x-a"])
async def test_a_header_cannot_become_two(name: str, server: ByteServer, transport: Transport) -> None:
    with pytest.raises(ProviderUnavailable, match="header"):
        await fetched(transport, server.url, **{name: "d\r\nx-e: f"})
    assert server.requests == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "http://127.0.0.1/a b", "nothing"])
async def test_an_url_that_cannot_be_used(url: str, transport: Transport) -> None:
    with pytest.raises(ProviderUnavailable, match="URL"):
        await transport.fetch(HttpRequest("GET", url), TIMES)


async def test_tls_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is trusted is taken for its own name and no other."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost"]  # fmt: skip
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    server = ByteServer(answer=lambda _: whole(BODY))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        strange = Transport()
        with pytest.raises(ProviderUnavailable, match="certificate"):
            await fetched(strange, f"https://localhost:{port}")
        await strange.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        trusting = Transport()
        assert (await fetched(trusting, f"https://localhost:{port}")).body == BODY
        with pytest.raises(ProviderUnavailable, match="certificate"):
            await fetched(trusting, f"https://127.0.0.1:{port}")
        await trusting.close()


async def test_a_pool_is_used_again_after_it_was_closed(server: ByteServer) -> None:
    server.answer = lambda _: whole(BODY)
    pool = Pool()
    for _ in range(2):
        target = target_of(server.url)
        connection = await pool.get(target, 2)
        answer = await connection.ask(encoded("GET", target, {}, b"")).begun()
        assert await answer.read(-1)
        pool.close()


class Slow(Pool):
    """Makes one connection at once, and others when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.made = 0

    async def _connected(self, target: Target, seconds: float) -> Connection:
        self.made += 1
        if self.made > 1:
            await self.let.wait()
        return await super()._connected(target, seconds)


async def test_who_waits_for_a_connection_takes_the_first_that_is_free(server: ByteServer) -> None:
    pool, target = Slow(), target_of(server.url + "/v1/x")
    first = await pool.get(target, 2)
    waiting = [asyncio.create_task(pool.get(target, 2)) for _ in range(3)]
    await asyncio.sleep(0.02)
    waiting[0].cancel()
    pool.keep(first)
    assert await asyncio.wait_for(waiting[1], 1) is first
    assert not waiting[2].done()
    # Those that were begun are made to their end: one is taken, two are kept.
    pool.let.set()
    other = await asyncio.wait_for(waiting[2], 1)
    assert other is not first
    while pool._connecting:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    assert {await pool.get(target, 2) for _ in range(2)}.isdisjoint({first, other})
    assert (pool.made, server.connections) == (4, 4)
    pool.close()


async def test_nobody_waits_for_connections_that_cannot_be_made(server: ByteServer) -> None:
    pool, target = Slow(), target_of(server.url + "/v1/x")
    first = await pool.get(target, 2)
    waiting = asyncio.create_task(pool.get(target, 2))
    await asyncio.sleep(0.02)
    pool.close()
    with pytest.raises(OSError, match="closed"):
        await waiting
    assert not first.open
    pool.let.set()
    with pytest.raises(OSError):
        await pool.get(target_of("http://127.0.0.1:9/"), 2)
