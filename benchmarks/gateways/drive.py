"""A closed-loop load driver for a server on loopback: one thread, epoll, connections that stay open.

    python drive.py PORT PATH SPEC

SPEC is a file of JSON: `bodies` (a `#########` in one becomes the request's number, so that no answer is in a
cache), `headers` (a list of header sets, taken in turn), `connections`, `seconds`, `requests` (at most). Prints one
JSON object: requests answered, errors, times to the first byte and to the end, events, and reads that had an event.
"""

import json
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

MARK = b"#########"
END = b"0\r\n\r\n"


class Connection:
    """One connection and the answer that it is waiting for."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.begin()

    def begin(self) -> None:
        self.head, self.left, self.tail = b"", -1, b""
        self.status, self.events, self.reads = 0, 0, 0
        self.streaming = self.over = self.closes = False
        self.asked, self.first = time.perf_counter(), 0.0

    def feed(self, data: bytes) -> None:
        """Take what was read; `over` says whether the answer is whole."""
        if not self.status:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = self.head[end + 4 :]
            self._read_head(self.head[: end + 2].lower())
        if not data and self.left:
            return
        self.first = self.first or time.perf_counter()
        if self.streaming:
            seen = (self.tail + data).count(b"data:") - self.tail.count(b"data:")
            self.events += seen
            self.reads += seen > 0
            self.tail = (self.tail + data)[-7:]
            self.over = self.tail.endswith(b"\r\n" + END) or self.tail == END
        else:
            self.left -= len(data)
            self.over = self.left <= 0

    def _read_head(self, head: bytes) -> None:
        self.status = int(head[9:12])
        self.closes = b"\r\nconnection: close" in head
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self.left = int(head[at + 17 : head.find(b"\r\n", at + 2)])
        else:
            self.streaming = True


class Driver:
    """Keeps `connections` requests open until the time or the number of requests is up."""

    def __init__(self, port: int, path: str, spec: dict[str, Any]) -> None:
        self.port = port
        self.bodies = [body.encode().partition(MARK) for body in spec["bodies"]]
        sizes = [sum(map(len, parts)) for parts in self.bodies]
        lines = [
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\naccept: */*\r\n"
        ]
        self.heads = [
            (lines[0] + "".join(f"{name}: {value}\r\n" for name, value in headers.items())).encode()
            for headers in spec["headers"]
        ]
        self.lengths = [f"content-length: {size}\r\n\r\n".encode() for size in sizes]
        self.most, self.started = int(spec.get("requests", 10**9)), 0
        self.number = int(spec.get("from", time.time_ns() // 10_000 % 10**9))
        self.until = time.perf_counter() + float(spec["seconds"])
        self.poll = select.epoll()
        self.open: dict[int, Connection] = {}
        self.times: list[float] = []
        self.firsts: list[float] = []
        self.events = self.reads = self.errors = 0
        self.bad = ""
        for _ in range(int(spec["connections"])):
            self.connect()

    def connect(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.open[sock.fileno()] = Connection(sock)
        self.poll.register(sock, select.EPOLLIN)
        self.ask(connection)

    def ask(self, connection: Connection) -> None:
        if self.started >= self.most or time.perf_counter() > self.until:
            self.close(connection)
            return
        at = self.started % len(self.bodies)
        self.started += 1
        self.number = (self.number + 1) % 10**9
        before, mark, after = self.bodies[at]
        head = self.heads[self.started % len(self.heads)] + self.lengths[at]
        connection.begin()
        connection.sock.sendall(head + before + (b"%09d" % self.number if mark else b"") + after)

    def close(self, connection: Connection) -> None:
        self.open.pop(connection.sock.fileno(), None)
        connection.sock.close()

    def run(self) -> dict[str, Any]:
        """Drive until nothing is open any more."""
        began = time.perf_counter()
        while self.open and time.perf_counter() < self.until + 60:
            for number, _ in self.poll.poll(1.0):
                if (connection := self.open.get(number)) is not None:
                    self.take(connection)
        return self.result(time.perf_counter() - began)

    def take(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self.errors += 1
            self.close(connection)
            self.connect()
            return
        connection.feed(data)
        if not connection.over:
            return
        if connection.status != 200:
            self.errors += 1
            self.bad = f"{connection.status}: {data[-120:]!r}"
        else:
            self.times.append(time.perf_counter() - connection.asked)
            self.firsts.append(connection.first - connection.asked)
            self.events += connection.events
            self.reads += connection.reads
        if connection.closes:
            self.close(connection)
            self.connect()
        else:
            self.ask(connection)

    def result(self, seconds: float) -> dict[str, Any]:
        answered = len(self.times)
        return {
            "answered": answered, "errors": self.errors, "bad": self.bad, "seconds": seconds,
            "p50": at(self.times, 0.5), "p99": at(self.times, 0.99), "first": at(self.firsts, 0.5),
            "events": self.events, "reads": self.reads / max(answered, 1),
        }  # fmt: skip


def at(times: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    return sorted(times)[int(share * (len(times) - 1))] * 1e3 if times else float("nan")


if __name__ == "__main__":
    print(json.dumps(Driver(int(sys.argv[1]), sys.argv[2], json.loads(Path(sys.argv[3]).read_text())).run()))
