"""Callers who read a byte a second of a long stream: the provider is slowed down with them, and memory stays bounded."""

import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.raw import ask, asking, connected, post, served, status
from tests.support.script import Say
from tests.support.server import Server, config
from tests.support.upstream import Upstream, threaded

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]
SECONDS = 60 if os.environ.get("QUORUM_LONG_FAULTS") else 4
READERS, LENGTH = 64, 10_000_000
MEBIBYTES = 64
ROOM = {"concurrency": 100, "requests_per_minute": 100_000, "tokens_per_minute": 10**9}
STREAMS = {
    "/v1/chat/completions": asking("lab/long", stream=True),
    "/v1/messages": asking("lab/long", stream=True, max_tokens=1_000),
}


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with threaded() as upstream:
        upstream.model("a", "It is four.")
        upstream.model("long", Say("x" * LENGTH, piece=4_000, drip=0.001, capped=False))
        yield upstream


@pytest.fixture(scope="module")
def server(up: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    given = config(up.url, price={"input_per_million": 0.001, "output_per_million": 0.001})
    given["providers"]["lab"]["limits"] = ROOM
    home: Path = tmp_path_factory.mktemp("slow")
    with Server(home, given) as running:
        yield running


def memory(server: Server) -> float:
    """MiB of memory that the server's process has in use."""
    assert server.process is not None
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def readers(port: int) -> list[socket.socket]:
    """Callers who have asked and read nothing yet."""
    paths = list(STREAMS)
    socks = [connected(port) for _ in range(READERS)]
    for number, sock in enumerate(socks):
        path = paths[number % len(paths)]
        sock.sendall(post(path, STREAMS[path], "x-quorum-cache: off"))
    return socks


def test_memory_is_bounded_and_others_are_served(server: Server, up: Upstream) -> None:
    for path, body in STREAMS.items():  # what the first call of each kind loads stays loaded
        assert status(ask(server.port, post(path, body.replace(b"lab/long", b"lab/a")))) == 200
    with connected(server.port) as sock:  # what is cut is counted, which loads the tokenizer
        sock.sendall(post("/v1/chat/completions", STREAMS["/v1/chat/completions"]))
        assert sock.recv(1)
    settled(up)
    known = up.count("long")
    before = most = memory(server)
    socks = readers(server.port)
    try:
        began = time.monotonic()
        while time.monotonic() - began < SECONDS or up.count("long") < known + READERS:
            for sock in select.select(socks, [], [], 0)[0]:
                assert sock.recv(1)
            served(server.port, "lab/a", within=5)
            most = max(most, memory(server))
            time.sleep(1)
        print(f"{READERS} readers, {SECONDS} s: {before:.0f} MiB before, {most:.0f} MiB at most")
        assert most - before <= MEBIBYTES, f"{before:.0f} MiB before, {most:.0f} at most"
        assert not up.count("long", outcome="finished"), "the provider was read to its end"
    finally:
        for sock in socks:
            sock.close()
    settled(up)
    served(server.port, "lab/a")


def settled(up: Upstream) -> None:
    """Wait until nothing is asked any more."""
    until = time.monotonic() + 3
    while up.open:
        assert time.monotonic() < until, f"{len(up.open)} requests go on"
        time.sleep(0.05)
    time.sleep(0.5)
