"""A gateway's processes: started, ready, what they use, ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
SETTLE = 0.25
"""Seconds after a run in which what it left to do in the background still counts."""


class DidNotStart(Exception):
    """A gateway ended, or did not answer with 200 in time."""


@dataclass
class Running:
    """A server that answers on `port`; the driver shows `headers` and sends bodies for `model`."""

    name: str
    port: int
    path: str
    model: str
    headers: list[dict[str, str]]
    pid: int | None = None
    start: dict[str, float] = field(default_factory=dict)

    def drive(self, bodies: list[str], connections: int, seconds: float, **more: Any) -> dict[str, Any]:
        """Drive it for `seconds`; adds CPU of all its processes, in microseconds a request, and MiB of memory."""
        spec = {
            "bodies": bodies,
            "headers": self.headers,
            "connections": connections,
            "seconds": seconds,
        } | more
        before = cpu(self.pid)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(spec, file)
            file.flush()
            command = [sys.executable, str(HERE / "drive.py"), str(self.port), self.path, file.name]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 90)
        time.sleep(SETTLE)
        result = json.loads(done.stdout)
        used = cpu(self.pid) - before
        result["cpu"] = used / max(result["answered"], 1) * 1e6
        result["cpu_event"] = used / result["events"] * 1e6 if result["events"] else float("nan")
        result["rate"] = result["answered"] / result["seconds"]
        result["rss"] = rss(self.pid)
        return result


def tree(pid: int | None) -> list[int]:
    """A process and all that come from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int(_stat(int(folder.name))[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid] if pid is not None else []
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields after the name in /proc/PID/stat: state is 0, parent 1, CPU times 11 to 14, pages 21."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu(pid: int | None) -> float:
    """Seconds of user and system time that a process and its descendants have used, ended ones included."""
    used = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            used += sum(int(value) for value in _stat(one)[11:15])
    return used / TICKS


def rss(pid: int | None) -> float:
    """MiB of memory in use by a process and its descendants."""
    pages = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            pages += int(_stat(one)[21])
    return pages * PAGE / 2**20


@contextlib.contextmanager
def started(
    gateway: Running,
    command: list[str],
    env: dict[str, str],
    body: str,
    *,
    before: Callable[[], None] = lambda: None,
    seconds: float = 120,
) -> Iterator[Running]:
    """Start it, wait for its first 200 to a real request, note time, CPU and memory then; end it at the end.

    Args:
        gateway: what is started; its process is noted there.
        command: the program and its arguments.
        env: variables besides this process's own.
        body: the request that has to be answered.
        before: called before each try, for a gateway that chooses its own port.
        seconds: after which it counts as not started.

    Raises:
        DidNotStart: it ended, or did not answer in time.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=os.environ | env, stdout=log, stderr=log, start_new_session=True
        )
        gateway.pid = process.pid
        try:
            while True:
                before()
                if _answers(gateway, body):
                    break
                if process.poll() is not None or time.monotonic() - began > seconds:
                    log.seek(0)
                    raise DidNotStart(log.read().decode(errors="replace")[-1500:])
                time.sleep(0.02)
            gateway.start = {"seconds": time.monotonic() - began, "cpu": cpu(process.pid)}
            time.sleep(1.0)
            gateway.start["rss"] = rss(process.pid)
            yield gateway
        finally:
            end(process)


def _answers(gateway: Running, body: str) -> bool:
    headers = {"content-type": "application/json"} | gateway.headers[0]
    url = f"http://127.0.0.1:{gateway.port}{gateway.path}"
    request = urllib.request.Request(url, body.encode(), headers)
    with contextlib.suppress(urllib.error.URLError, OSError):
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status == 200
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants, with force after a while."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        for one in reversed(tree(process.pid)):
            with contextlib.suppress(OSError):
                os.kill(one, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(8)
            return
