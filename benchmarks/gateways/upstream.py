"""An OpenAI-shaped upstream that is far faster than any gateway: one thread, epoll, answers that never change.

    python upstream.py PORT

POST …/chat/completions   the JSON answer, or 52 server-sent events where the body has "stream":true
GET …/models              the model list
GET /_set?gap_ms=&latency_ms=   time between two events of a stream, and before an answer's first byte

Without a gap every event still is a write of its own, as providers do it.
"""

import heapq
import json
import re
import resource
import select
import socket
import sys
import time
from collections import deque
from typing import Any

EVENTS = 50
"""Events with content; one with the reason for the end and `[DONE]` follow."""

TEXT = (
    "Rayleigh scattering makes the sky look blue: air molecules scatter short wavelengths far more strongly than "
    "long ones, so blue light reaches the eye from every direction while red light passes almost straight through. "
    "At sunset the path is longer and the blue is lost."
)
HEAD = {
    "id": "chatcmpl-bench",
    "created": 1790000000,
    "model": "gpt-4o-mini",
    "system_fingerprint": "fp_bench",
}
USED = {"prompt_tokens": 42, "completion_tokens": EVENTS, "total_tokens": 42 + EVENTS}
SSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)


def whole(body: Any) -> bytes:
    """An answer of one piece, with its head."""
    data = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


def event(payload: str) -> bytes:
    """One event as one chunk."""
    data = f"data: {payload}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def events(*, usage: bool) -> list[bytes]:
    """The pieces of a streamed answer, each of them one write."""
    extra: dict[str, Any] = {"usage": None} if usage else {}

    def said(delta: dict[str, str], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event(json.dumps(HEAD | {"object": "chat.completion.chunk", "choices": [choice]} | extra))

    pieces = [said({"role": "assistant", "content": "word0 "}, None)]
    pieces += [said({"content": f"word{number} "}, None) for number in range(1, EVENTS)]
    pieces.append(said({}, "stop"))
    if usage:
        pieces.append(
            event(json.dumps(HEAD | {"object": "chat.completion.chunk", "choices": [], "usage": USED}))
        )
    pieces[-1] += event("[DONE]") + b"0\r\n\r\n"
    return [SSE + pieces[0], *pieces[1:]]


CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": TEXT, "refusal": None},
    "finish_reason": "stop",
}
ANSWER = whole(HEAD | {"object": "chat.completion", "choices": [CHOICE | {"logprobs": None}], "usage": USED})
MODELS = whole(
    {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "bench"}]}
)
OK = whole({})
PLAIN, COUNTED = events(usage=False), events(usage=True)


class Connection:
    """One caller: what it sent so far, and what it has yet to get."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.data, self.waiting = sock, b"", deque[bytes]()


class Upstream:
    """All connections, and what is due when."""

    def __init__(self, port: int) -> None:
        self.gap = self.latency = 0.0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.listener.setblocking(False)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.connections: dict[int, Connection] = {}
        self.due: list[tuple[float, int, Connection]] = []
        self.number = 0

    def run(self) -> None:
        """Serve until the process is ended."""
        while True:
            timeout = max(self.due[0][0] - time.monotonic(), 0.0) if self.due else None
            for number, what in self.poll.poll(timeout):
                if number == self.listener.fileno():
                    self.accept()
                elif connection := self.connections.get(number):
                    self.wrote(connection) if what & select.EPOLLOUT else self.read(connection)
            while self.due and self.due[0][0] <= time.monotonic():
                connection = heapq.heappop(self.due)[2]
                if connection.sock.fileno() >= 0:
                    self.send(connection)

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[sock.fileno()] = Connection(sock)
            self.poll.register(sock, select.EPOLLIN)

    def drop(self, connection: Connection) -> None:
        self.connections.pop(connection.sock.fileno(), None)
        connection.sock.close()

    def read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.drop(connection)
            return
        connection.data += data
        while (request := self.request(connection)) is not None:
            self.answer(connection, *request)

    def request(self, connection: Connection) -> tuple[bytes, bytes] | None:
        """The next whole request's first line and body."""
        data = connection.data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = data[:end].lower()
        if b"\r\nexpect:" in head and len(data) == end + 4:
            connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"\r\ntransfer-encoding: chunked" in head:
            last = data.find(b"\r\n0\r\n\r\n", end + 2)
            until = last + 7 if last >= 0 else len(data) + 1
        else:
            length = re.search(rb"\r\ncontent-length: *(\d+)", head)
            until = end + 4 + (int(length[1]) if length else 0)
        if len(data) < until:
            return None
        connection.data = data[until:]
        return data[: data.find(b"\r\n")], data[end + 4 : until]

    def answer(self, connection: Connection, line: bytes, body: bytes) -> None:
        if line.startswith(b"GET"):
            for name, value in re.findall(r"(gap|latency)_ms=([\d.]+)", line.decode()):
                setattr(self, name, float(value) / 1e3)
            connection.waiting.append(MODELS if b"/models" in line else OK)
        elif b'"stream":true' in body or b'"stream": true' in body:
            counted = b'"include_usage":true' in body or b'"include_usage": true' in body
            connection.waiting.extend(COUNTED if counted else PLAIN)
        else:
            connection.waiting.append(ANSWER)
        if self.latency:
            self.later(connection, self.latency)
        else:
            self.send(connection)

    def later(self, connection: Connection, seconds: float) -> None:
        self.number += 1
        heapq.heappush(self.due, (time.monotonic() + seconds, self.number, connection))

    def send(self, connection: Connection) -> None:
        waiting = connection.waiting
        while waiting:
            piece = waiting.popleft()
            try:
                sent = connection.sock.send(piece)
            except BlockingIOError:
                sent = 0
            except ConnectionError:
                self.drop(connection)
                return
            if sent < len(piece):
                waiting.appendleft(piece[sent:])
                self.poll.modify(connection.sock, select.EPOLLOUT)
                return
            if waiting and self.gap:
                self.later(connection, self.gap)
                return

    def wrote(self, connection: Connection) -> None:
        """There is room again for what could not be sent."""
        self.poll.modify(connection.sock, select.EPOLLIN)
        self.send(connection)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Upstream(int(sys.argv[1])).run()
