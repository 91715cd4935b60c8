"""Several server processes on one listener: started, started again when they die, ended together."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from quorum_mcp.errors import ConfigError, ServerUnavailable

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings

HEALTHY_SECONDS = 5.0
"""A worker that ends sooner could not start."""
FAILED_STARTS = 3

log = structlog.get_logger()


class Place(Struct, frozen=True):
    """Where this process stands among its like.

    Attributes:
        number: from 1.
        parent: who started it.
        listener: what all of them accept connections from.
        folder: where each of them has a socket of its own, for the others.
    """

    number: int
    parent: int
    listener: socket.socket
    folder: Path


def place(text: str | None) -> Place | None:
    """The place that `--worker` names as NUMBER:PARENT:DESCRIPTOR:FOLDER; None for a server of its own."""
    if text is None:
        return None
    number, parent, descriptor, folder = text.split(":", 3)
    return Place(int(number), int(parent), socket.socket(fileno=int(descriptor)), Path(folder))


async def ended(parent: int) -> None:
    """Return when the process that started this one is gone: nobody would end it any more."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(1.0)


def require_shared(settings: "Settings", workers: int) -> None:
    """Raise `ConfigError` unless what several processes need to share is set."""
    postgresql = settings.database_url.startswith(("postgresql", "postgres:"))
    missing = [
        name
        for name, there in (
            ("PostgreSQL (QUORUM_DATABASE_URL)", postgresql),
            ("Redis (REDIS_URL)", settings.redis_url),
        )
        if not there
    ]
    if missing:
        raise ConfigError(
            f"--workers {workers} needs {' and '.join(missing)}: rates, the cache and live events are shared there",
            hint="set what is missing, or leave --workers out: one process serves many callers at once",
        )


class Workers:
    """The processes.

    Args:
        arguments: of `quorum`, for each of them.
        listener: what they all accept connections from.
        count: how many.
    """

    def __init__(self, arguments: Sequence[str], listener: socket.socket, count: int) -> None:
        self._command = [sys.executable, "-m", "quorum_mcp", *arguments]
        self._listener = listener
        self._count = count
        self._folder = tempfile.mkdtemp(prefix="quorum-")  # which only this user can open
        self._running: dict[int, tuple[int, float, subprocess.Popen[bytes]]] = {}
        self._failed = 0
        self._stopping = False

    def run(self) -> None:
        """Keep them running until an interrupt or a request to terminate.

        Raises:
            ServerUnavailable: they cannot start; what they said is on standard error.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for number in range(1, self._count + 1):
            self._start(number)
        while self._running:
            pid, status = os.wait()
            if pid in self._running:
                self._ended(pid, os.waitstatus_to_exitcode(status))
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._failed >= FAILED_STARTS:
            raise ServerUnavailable("the workers cannot start", hint="see what they said above")

    def _start(self, number: int) -> None:
        descriptor = self._listener.fileno()
        command = [*self._command, "--worker", f"{number}:{os.getpid()}:{descriptor}:{self._folder}"]
        process = subprocess.Popen(command, pass_fds=(descriptor,))  # noqa: S603 - this program again
        self._running[process.pid] = (number, time.monotonic(), process)

    def _ended(self, pid: int, status: int) -> None:
        number, began, process = self._running.pop(pid)
        process.returncode = status  # it is gone: nobody else may wait for it
        if self._stopping:
            return
        log.warning("worker.ended", worker=number, status=status)
        self._failed = self._failed + 1 if time.monotonic() - began < HEALTHY_SECONDS else 0
        if self._failed >= FAILED_STARTS:
            self._stop(signal.SIGTERM, None)
        else:
            self._start(number)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signals call it
        self._stopping = True
        for _, _, process in list(self._running.values()):
            process.send_signal(signal.SIGTERM)
