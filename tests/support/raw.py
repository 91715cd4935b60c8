"""HTTP as bytes, for requests that no client would send."""

import json
import socket
import time
from typing import Any

LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HEAD = b"host: 127.0.0.1\r\ncontent-type: application/json\r\n"


def asking(model: str, *, stream: bool = False, **more: Any) -> bytes:
    """The body of a question to a model."""
    body = {"model": model, "messages": [{"role": "user", "content": "What is 2 + 2?"}], "stream": stream}
    return json.dumps(body | more).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A whole request, after which the connection is closed."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        "connection: close",
    ]
    lines += [f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def connected(port: int, seconds: float = 5.0) -> socket.socket:
    """A connection whose reads wait so long."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.settimeout(seconds)
    return sock


def said(sock: socket.socket) -> bytes:
    """All that comes until the other side closes, or cuts after it said something; fails where it does neither."""
    pieces: list[bytes] = []
    try:
        while piece := sock.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        if not pieces:
            raise
    return b"".join(pieces)


def ask(port: int, data: bytes, seconds: float = 5.0) -> bytes:
    """Send and read to the end of the connection; what cannot be sent any more is not."""
    with connected(port, seconds) as sock:
        sent = memoryview(data)
        try:
            while sent:
                sent = sent[sock.send(sent[: 1 << 20]) :]
        except ConnectionError:
            pass
        return said(sock)


def status(answer: bytes) -> int:
    """The status of an answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


def body_of(answer: bytes) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def served(port: int, model: str, within: float = 2.0) -> None:
    """Another caller gets an answer, soon enough."""
    began = time.monotonic()
    answer = ask(port, post("/v1/chat/completions", asking(model)))
    assert status(answer) == 200, answer[:500]
    took = time.monotonic() - began
    assert took < within, f"{took:.2f} s"
