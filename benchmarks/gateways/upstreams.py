"""The upstream's process, and its settings."""

import contextlib
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from gateways.running import HERE
from harness import free_port


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Run `upstream.py`; yields its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "upstream.py"), str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                pace(port)
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def pace(port: int, *, gap_ms: float = 0, latency_ms: float = 0) -> None:
    """Set the time between two events, and before the first byte, of all answers that begin from now on."""
    address = f"http://127.0.0.1:{port}/_set?gap_ms={gap_ms}&latency_ms={latency_ms}"
    urllib.request.urlopen(address, timeout=5).close()
