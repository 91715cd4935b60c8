"""What the benchmark programs share: servers on loopback, and the CPU time of a process tree."""

import contextlib
import importlib.util
import json
import lzma
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
TICKS = os.sysconf("SC_CLK_TCK")

PANELS = {
    "math-l5, 5 peers": (
        "math-l5",
        "gemini-1.5-pro-exp-0827,Qwen2.5-72B-Instruct,grok-2-1212,gpt-4o-2024-08-06,claude-3-5-sonnet-20241022",
    ),
    "crux, 5": (
        "crux",
        "claude-3-5-sonnet-20241022,gpt-4o-2024-08-06,grok-2-1212,gemini-1.5-pro-exp-0827,Qwen2.5-72B-Instruct",
    ),
    "gsm, 5": (
        "gsm",
        "claude-3-5-sonnet-20241022,Mistral-Large-2,gpt-4o-2024-08-06,gemini-1.5-pro,Qwen2-72B-Instruct",
    ),
    "mmlu-pro, top 3": ("mmlu-pro", "gemini-1.5-pro-002,gemini-1.5-flash-002,Meta-Llama-3_1-70B-Instruct"),
    "mmlu-pro, 5 unequal": (
        "mmlu-pro",
        "gemini-1.5-pro-002,Meta-Llama-3_1-70B-Instruct,jamba-1.5-large,Qwen1.5-72B-Chat,Meta-Llama-3_1-8B-Instruct",
    ),
}


def need_shared() -> None:
    """End, saying so, where the recorded answers are absent."""
    if not SHARED.is_dir():
        sys.exit(f"skipped: the recorded answers are not at {SHARED.name}/ beside the repository")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextlib.contextmanager
def process(
    command: list[str], ready: str, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until `ready` (a URL) answers; end it at the end."""
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 60
            while True:
                if running.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    sys.exit(f"{command[:4]} did not start:\n{log.read().decode()[-2000:]}")
                with contextlib.suppress(OSError), urllib.request.urlopen(ready, timeout=2):
                    break
                time.sleep(0.05)
            yield running
        finally:
            running.terminate()
            running.wait(20)


@contextlib.contextmanager
def replay(data: Path, *options: str) -> Iterator[str]:
    """The replay server on recorded answers; yields its base URL."""
    port = free_port()
    command = [
        sys.executable,
        str(SHARED / "bench/replay_server.py"),
        str(data),
        "--port",
        str(port),
        *options,
    ]
    with process(command, f"http://127.0.0.1:{port}/v1/models"):
        yield f"http://127.0.0.1:{port}/v1"


@contextlib.contextmanager
def quorum(upstream: str, home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Quorum server whose provider `replay` is `upstream`; yields its URL and process."""
    limits = "{requests_per_minute: 1000000, tokens_per_minute: 1000000000, concurrency: 64}"
    price = "{input_per_million: 0, output_per_million: 0}"
    config = home / "quorum.yaml"
    config.write_text(
        f"providers:\n  replay: {{wire: openai, base_url: {upstream}, price: {price}, limits: {limits}}}\n"
    )
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "quorum_mcp.web.app:app", "--host", "127.0.0.1"]
    env = {"QUORUM_CONFIG": str(config), "QUORUM_HOME": str(home), "LOG_LEVEL": "ERROR"}
    url = f"http://127.0.0.1:{port}"
    with process(
        [*command, "--port", str(port), "--log-level", "error"], f"{url}/api/health/live", env
    ) as server:
        yield url, server


def score(url: str, data: Path, models: str, *options: str) -> dict[str, float]:
    """What the recorded questions give: accuracy, calls, calibration."""
    panel = ",".join(f"replay/{model}" for model in models.split(","))
    command = [
        sys.executable,
        str(SHARED / "bench/consensus_bench.py"),
        str(data),
        "--url",
        url,
        "--panel",
        panel,
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def rows_of(name: str) -> list[dict[str, Any]]:
    """The recorded questions and answers of a set."""
    with lzma.open(SHARED / f"data/consensus/{name}.dev.jsonl.xz", "rt") as lines:
        return [json.loads(line) for line in lines]


def judge() -> Any:
    """The scoring functions that come with the recorded answers."""
    spec = importlib.util.spec_from_file_location("consensus_bench", SHARED / "bench/consensus_bench.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_right(bench: Any, r: dict[str, Any], conclusion: str | None) -> bool:
    """Whether a conclusion is the gold answer, both normalised."""
    return conclusion is not None and bench.normalise(r["task"], conclusion) in (
        r["gold"],
        bench.normalise(r["task"], r["gold"]),
    )


def post(url: str, body: object) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def cpu_seconds(pid: int) -> float:
    """User and system CPU time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def row(*cells: object) -> None:
    """Print one line of a Markdown table."""
    print(
        "| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells) + " |",
        flush=True,
    )
