"""What starting costs: the command's help, MCP over stdio up to its first answers, importing the package.

Run with `python benchmarks/startup.py`. The figures are user + system seconds of the whole process, from its
start to its end after the last answer, and seconds until that answer; medians of 7 processes. The bars are
those of the project: 0.3 s for the help, 1.5 s for the answer to `initialize`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROCESSES = 7
CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "b", "version": "0"}}
INITIALIZE: list[tuple[str, Any]] = [("initialize", CLIENT)]
LIST = [*INITIALIZE, ("notifications/initialized", {}), ("tools/list", {})]
CALL = [*LIST, ("tools/call", {"name": "list_models", "arguments": {}})]


def cost(command: list[str], messages: list[tuple[str, Any]], env: dict[str, str]) -> tuple[float, float]:
    """CPU seconds of one process, and seconds until it answered the last message (or ended)."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number, (method, params) in enumerate(messages):
            body = {"jsonrpc": "2.0", "method": method, "params": params}
            notification = method.startswith("notifications/")
            child.stdin.write(json.dumps(body if notification else body | {"id": number}).encode() + b"\n")
            child.stdin.flush()
            if not notification:
                assert json.loads(child.stdout.readline())["id"] == number
        if not messages:
            child.stdout.read()
        took = time.monotonic() - began
        child.stdin.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return used.ru_utime + used.ru_stime, took


def measure(name: str, command: list[str], messages: list[tuple[str, Any]], bar: float | None = None) -> None:
    with tempfile.TemporaryDirectory() as home:
        Path(home, "quorum.yaml").write_text("{}\n")
        env = os.environ | {"QUORUM_HOME": home, "QUORUM_CONFIG": f"{home}/quorum.yaml", "HOME": home}
        cost(command, messages, env)  # warms the disk's cache
        figures = [cost(command, messages, env) for _ in range(PROCESSES)]
    cpu, took = (statistics.median(column) for column in zip(*figures, strict=True))
    limit = "" if bar is None else f"   bar {bar:.1f} s: {'reached' if cpu <= bar else 'MISSED'}"
    print(f"{name:44} {cpu:6.3f} s CPU {took:7.3f} s{limit}")


def main() -> None:
    python = sys.executable
    quorum = [python, "-m", "quorum_mcp"]
    server = [python, "-m", "quorum_mcp.server"]
    measure("python -c 'pass'", [python, "-c", "pass"], [])
    measure("import quorum_mcp", [python, "-c", "import quorum_mcp"], [])
    measure("quorum --help", [*quorum, "--help"], [], 0.3)
    measure("quorum mcp: initialize", [*quorum, "mcp"], INITIALIZE, 1.5)
    measure("python -m quorum_mcp.server: initialize", server, INITIALIZE, 1.5)
    measure("  and tools/list", server, LIST)
    measure("  and the first call, which opens the database", server, CALL)


if __name__ == "__main__":
    main()
