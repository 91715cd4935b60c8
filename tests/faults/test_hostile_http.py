"""Requests that are too large, too slow, ambiguous or no HTTP: each is refused plainly, and the others are served."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.raw import HEAD, LINE, ask, asking, body_of, connected, post, said, served, status
from tests.support.script import Say
from tests.support.server import Server, config
from tests.support.upstream import Upstream, threaded

pytestmark = pytest.mark.timeout(30)
SECONDS = 2
# The product's own times, shortened: a minute of waiting shows no more than two seconds.
QUICK = (
    "import quorum_mcp.api.connection as c;"
    f"c.HEAD_SECONDS = c.BODY_SECONDS = c.STALL_SECONDS = {SECONDS}; c.KEEP_SECONDS = {SECONDS + 2};"
    "from quorum_mcp.__main__ import main; main()"
)
MODEL = "lab/a"
BODY = asking(MODEL)
LENGTH = b"content-length: %d\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
SMUGGLED = b"GET /api/health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
"""What two servers that read a shape apart would take for a second request."""


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with threaded() as server:
        server.model("a", "It is four.")
        yield server


@pytest.fixture(scope="module")
def port(up: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    command = (sys.executable, "-c", QUICK, "serve", "--port", "{port}")
    home: Path = tmp_path_factory.mktemp("hostile")
    with Server(home, config(up.url), command=command, LOG_LEVEL="ERROR") as server:
        yield server.port
        assert "request.crashed" not in server.log()


REFUSED: dict[str, tuple[bytes, int]] = {
    "length beside chunks": (LINE + HEAD + LENGTH + CHUNKED + b"\r\n" + IN_CHUNKS + SMUGGLED, 400),
    "chunks beside length": (LINE + HEAD + CHUNKED + LENGTH + b"\r\n" + IN_CHUNKS + SMUGGLED, 400),
    "two equal lengths": (LINE + HEAD + LENGTH + LENGTH + b"\r\n" + BODY, 400),
    "two lengths": (LINE + HEAD + LENGTH + b"content-length: 3\r\n\r\n" + BODY + SMUGGLED, 400),
    "list of lengths": (LINE + HEAD + b"content-length: 3, 3\r\n\r\n" + BODY, 400),
    "signed length": (LINE + HEAD + b"content-length: +3\r\n\r\n" + BODY, 400),
    "negative length": (LINE + HEAD + b"content-length: -1\r\n\r\n" + BODY, 400),
    "length beyond numbers": (LINE + HEAD + b"content-length: 99999999999999999999\r\n\r\n" + BODY, 400),
    "bare line feeds": ((LINE + HEAD + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + BODY, 400),
    "one bare line feed": (LINE + b"x-a: b\n" + HEAD + LENGTH + b"\r\n" + BODY, 400),
    "bare carriage return": (LINE + b"x-a: b\rx-c: d\r\n" + HEAD + LENGTH + b"\r\n" + BODY, 400),
    "folded header": (LINE + HEAD + b"x-a: b\r\n  c\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "space before colon": (LINE + HEAD + b"content-length : 3\r\n\r\n" + BODY, 400),
    "NUL in a header": (LINE + HEAD + b"x-a: b\0c\r\n" + LENGTH + b"\r\n" + BODY, 400),
    "chunked twice": (LINE + HEAD + CHUNKED + CHUNKED + b"\r\n" + IN_CHUNKS, 400),
    "chunked is not last": (LINE + HEAD + b"transfer-encoding: chunked, identity\r\n\r\n" + IN_CHUNKS, 400),
    "another coding": (LINE + HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n" + IN_CHUNKS, 501),
    "no known coding": (LINE + HEAD + b"transfer-encoding: xchunked\r\n\r\n" + IN_CHUNKS, 501),
    "chunks in HTTP/1.0": (LINE.replace(b"/1.1", b"/1.0") + HEAD + CHUNKED + b"\r\n" + IN_CHUNKS, 501),
    "size of a chunk": (LINE + HEAD + CHUNKED + b"\r\n0x5\r\n12345\r\n0\r\n\r\n", 400),
    "endless chunk": (LINE + HEAD + CHUNKED + b"\r\nffffffffffffffffff\r\n12345", 400),
    "chunk without its end": (LINE + HEAD + CHUNKED + b"\r\n3\r\n12345\r\n0\r\n\r\n", 400),
    "extension ends in a line feed": (LINE + HEAD + CHUNKED + b"\r\n5;a=b\n12345\r\n0\r\n\r\n", 400),
    "huge extension": (LINE + HEAD + CHUNKED + b"\r\n5;a=" + b"b" * 300_000 + b"\r\n12345\r\n", 400),
    "one byte a chunk": (LINE + HEAD + CHUNKED + b"\r\n" + b"1;" + b"a" * 40 + b"\r\n1\r\n" * 9_000, 400),
    "more than its length": (LINE + HEAD + b"content-length: %d\r\n\r\n" % (len(BODY) - 5) + BODY, 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "HTTP/1.2": (LINE.replace(b"/1.1", b"/1.2") + HEAD + LENGTH + b"\r\n" + BODY, 400),
    "HTTP/2.0": (LINE.replace(b"/1.1", b"/2.0") + HEAD + LENGTH + b"\r\n" + BODY, 505),
    "HTTP/2 with prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + bytes(100), 400),
    "another method": (LINE.replace(b"POST", b"BREW") + HEAD + LENGTH + b"\r\n" + BODY, 400),
    "a tunnel": (b"CONNECT example.com:443 HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
    "another host's URL": (LINE.replace(b"/v1", b"http://example.com/v1") + HEAD + LENGTH + b"\r\n" + BODY, 400),
    "a thousand headers": (LINE + HEAD + b"x-a: b\r\n" * 1_000 + LENGTH + b"\r\n" + BODY, 431),
    "a huge header": (LINE + HEAD + b"x-a: " + b"b" * 1_000_000 + b"\r\n" + LENGTH + b"\r\n" + BODY, 431),
    "a header just too large": (LINE + HEAD + b"x-a: " + b"b" * 66_000 + b"\r\n" + LENGTH + b"\r\n" + BODY, 431),
    "an endless header": (LINE + HEAD + b"x-a: " + b"b" * 8_000_000, 431),
    "a huge path": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 431),
}  # fmt: skip


@pytest.mark.parametrize("shape", REFUSED)
def test_a_shape_is_refused(port: int, up: Upstream, shape: str) -> None:
    data, expected = REFUSED[shape]
    asked = up.count()
    answer = ask(port, data)
    assert status(answer) == expected, answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1, "what was smuggled was answered"
    error = body_of(answer)["error"]
    assert error["code"] == "invalid_input"
    assert error["hint"]
    assert up.count() == asked


SERVED: dict[str, bytes] = {
    "chunks": LINE + HEAD + CHUNKED + b"connection: close\r\n\r\n" + IN_CHUNKS,
    "an extension of a chunk": LINE + HEAD + CHUNKED + b"connection: close\r\n\r\n" + IN_CHUNKS.replace(b"\r\n", b";a=b\r\n", 1),
    "an upgrade that is not offered": LINE + HEAD + LENGTH + b"connection: Upgrade, close, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n" + BODY,
    "the URL of this server": LINE.replace(b"/v1", b"http://127.0.0.1/v1") + HEAD + LENGTH + b"connection: close\r\n\r\n" + BODY,
    "a hundred headers": LINE + HEAD + b"x-a: b\r\n" * 100 + LENGTH + b"connection: close\r\n\r\n" + BODY,
    "large headers": LINE + HEAD + b"x-a: " + b"b" * 30_000 + b"\r\n" + LENGTH + b"connection: close\r\n\r\n" + BODY,
    "HTTP/1.0": LINE.replace(b"/1.1", b"/1.0") + HEAD + LENGTH + b"\r\n" + BODY,
}  # fmt: skip


@pytest.mark.parametrize("shape", SERVED)
def test_a_shape_is_served(port: int, shape: str) -> None:
    answer = ask(port, SERVED[shape])
    assert status(answer) == 200, answer[:300]
    assert b"It is four." in answer


def test_a_body_in_small_pieces(port: int) -> None:
    """The parser sees every byte by itself."""
    with connected(port) as sock:
        for byte in post("/v1/chat/completions", BODY):
            sock.send(bytes([byte]))
        assert status(said(sock)) == 200


LARGE = 65 * 1024 * 1024
PATHS = {
    "/v1/chat/completions": b'{"model":"lab/a","messages":[{"role":"user","content":"2+2"}],"tools":[%b]}',
    "/v1/responses": b'{"model":"lab/a","input":%b}',
    "/v1/messages": b'{"model":"lab/a","max_tokens":9,"messages":[{"role":"user","content":%b}]}',
    "/v1/embeddings": b'{"model":"lab/a","input":%b}',
    "/api/chat": b'{"model":"lab/a","messages":[{"role":"user","content":"2+2"}],"options":%b}',
    "/api/generate": b'{"model":"lab/a","prompt":"2+2","format":%b}',
    "/api/embed": b'{"model":"lab/a","input":%b}',
    "/v1beta/models/lab/a:generateContent": b'{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"responseSchema":%b}}',
    "/api/query": b'{"query":"2+2","messages":%b}',
    "/mcp": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_models","arguments":%b}}',
}  # fmt: skip
MCP = "accept: application/json, text/event-stream"


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_is_told_to_be_too_large(port: int, path: str) -> None:
    """It is refused before it comes."""
    with connected(port) as sock:
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{MCP}\r\n"
        sock.sendall(f"{head}expect: 100-continue\r\ncontent-length: {LARGE}\r\n\r\n".encode())
        assert status(sock.recv(1 << 16)) == 413


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/query"])
def test_a_body_whose_length_nobody_told(port: int, path: str) -> None:
    piece = b"%x\r\n%b\r\n" % (1 << 20, b" " * (1 << 20))
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n".encode()
    answer = ask(port, head + b"connection: close\r\n" + CHUNKED + b"\r\n" + piece * 66 + b"0\r\n\r\n", 20)
    assert status(answer) == 413
    served(port, MODEL)


DEEP = {
    "lists": b"[" * 100_000 + b"]" * 100_000,
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "just too deep": b"[" * 200 + b"]" * 200,
    "behind strings": b'["[[[\\"[", ' * 300 + b"1" + b"]" * 300,
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("path", PATHS)
def test_json_that_nests_too_deeply(port: int, path: str, kind: str) -> None:
    answer = ask(port, post(path, PATHS[path] % DEEP[kind], MCP))
    assert status(answer) in (400, 422), answer[:300]
    assert b"error" in answer


def test_brackets_in_a_text_are_no_depth(port: int) -> None:
    text = '[{"' * 5_000
    body = asking(MODEL, messages=[{"role": "user", "content": text}])
    assert status(ask(port, post("/v1/chat/completions", body))) == 200


@pytest.mark.parametrize("path", PATHS)
def test_bytes_that_are_no_text(port: int, path: str) -> None:
    answer = ask(port, post(path, PATHS[path] % b'"\xff\xfe\xc3\x28"', MCP))
    assert status(answer) in (400, 422), answer[:300]
    assert b"error" in answer


def test_callers_who_dawdle(port: int) -> None:
    """A hundred who send nothing, or a byte now and then, are shown the door; meanwhile others are served."""
    begins = [b"", LINE + HEAD + b"x-a: ", LINE + HEAD + b"content-length: 10000\r\n\r\n"]
    socks = [(connected(port), begins[number % 3]) for number in range(100)]
    try:
        began = time.monotonic()
        for sock, begin in socks:
            sock.send(begin)
        while time.monotonic() - began < SECONDS:
            served(port, MODEL)
            for sock, begin in socks:
                sock.send(b"a" if begin else b"")
            time.sleep(0.3)
        for sock, _ in socks:
            assert status(said(sock)) == 408
        assert time.monotonic() - began < 2 * SECONDS + 4
    finally:
        for sock, _ in socks:
            sock.close()


def test_a_connection_that_asks_for_nothing_is_kept_a_while(port: int) -> None:
    """As long as is said, and no longer for empty lines in between."""
    kept = LINE + HEAD + LENGTH + b"\r\n" + BODY
    with connected(port) as used, connected(port, 0.5) as idle:
        for sock in (used, idle):
            sock.sendall(kept)
            assert status(sock.recv(65_536)) == 200
        began = time.monotonic()
        idle.sendall(b"\r\n\r\n")
        while True:
            used.sendall(kept)
            assert status(used.recv(65_536)) == 200, "its time begins anew with each request"
            try:
                assert idle.recv(10) == b"", "it is closed without a word"
                break
            except TimeoutError:
                assert time.monotonic() < began + 15
        assert time.monotonic() > began + SECONDS


def test_a_caller_who_takes_nothing(port: int, up: Upstream) -> None:
    """The provider is not kept waiting for a caller who stopped reading."""
    up.model("long", Say("words and words " * 500_000, piece=2_000, capped=False))
    asked = up.count("long")
    with connected(port) as sock:
        sock.sendall(post("/v1/chat/completions", asking("lab/long", stream=True)))
        until = time.monotonic() + 2 * SECONDS + 8
        while not (up.count("long") > asked and up.count("long", outcome="dropped")):
            assert time.monotonic() < until, [one.outcome for one in up.of("long")]
            time.sleep(0.1)
    served(port, MODEL)
