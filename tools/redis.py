"""A Redis server of one's own, for tests and benchmarks: on a unix socket, without files, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

try:
    from tools.needs import found
except ModuleNotFoundError:  # run as a script
    from needs import found

START_SECONDS = 10.0


class Server:
    """A server that can be killed, frozen and started again; it keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where its socket is."""
        self.folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers."""
        program = found("redis")
        if program is None:
            raise RuntimeError("Redis is not installed.")
        path = self.folder / "redis.sock"
        path.unlink(missing_ok=True)
        options = (
            "--port",
            "0",
            "--unixsocket",
            path,
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            self.folder,
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen((program, *options), stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while not _answers(path):
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power cut would, with all it knew."""
        process = self._running()
        process.kill()
        process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        os.kill(self._running().pid, number)

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""
        nanoseconds = Path(f"/proc/{self._running().pid}/schedstat").read_text().split()[0]
        return int(nanoseconds) / 1e9

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process


@contextmanager
def server() -> Generator[Server, None, None]:
    """A server for the length of the context."""
    folder = Path(tempfile.mkdtemp(prefix="quorum-redis-"))
    own = Server(folder)
    try:
        own.start()
        try:
            yield own
        finally:
            own.kill()
    finally:
        shutil.rmtree(folder)


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False
