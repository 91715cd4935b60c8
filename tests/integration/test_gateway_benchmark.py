"""The benchmark's own parts count right: what its upstream sent is what its driver saw."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.server import free_port

PARTS = Path(__file__).parents[2] / "benchmarks/gateways"
BODY = '{"model":"m","messages":[{"role":"user","content":"question #########"}]'
pytestmark = pytest.mark.timeout(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, str(PARTS / "upstream.py"), str(port)]) as process:
        try:
            for _ in range(200):
                try:
                    setting(port, "")
                    break
                except OSError:
                    continue
            yield port
        finally:
            process.terminate()


def setting(port: int, what: str) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/_set?{what}", timeout=5).close()


def driven(port: int, home: Path, path: str = "/v1/chat/completions", **spec: Any) -> dict[str, Any]:
    given = {"headers": [{}], "connections": 4, "seconds": 10, "requests": 20} | spec
    file = home / "spec.json"
    file.write_text(json.dumps(given))
    command = [sys.executable, str(PARTS / "drive.py"), str(port), path, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=15)
    return json.loads(done.stdout)


def test_whole_answers(port: int, tmp_path: Path) -> None:
    result = driven(port, tmp_path, bodies=[BODY + "}"])
    assert (result["answered"], result["errors"], result["events"]) == (20, 0, 0)
    assert 0 < result["p50"] <= result["p99"] < 10_000


def test_streams_have_52_events(port: int, tmp_path: Path) -> None:
    result = driven(port, tmp_path, bodies=[BODY + ',"stream":true}'])
    assert (result["answered"], result["errors"], result["events"]) == (20, 0, 20 * 52)


def test_usage_is_one_event_more(port: int, tmp_path: Path) -> None:
    body = BODY + ',"stream":true,"stream_options":{"include_usage":true}}'
    assert driven(port, tmp_path, bodies=[body])["events"] == 20 * 53


def test_paced_events_are_read_one_by_one(port: int, tmp_path: Path) -> None:
    setting(port, "gap_ms=5&latency_ms=20")
    try:
        result = driven(port, tmp_path, bodies=[BODY + ',"stream":true}'], requests=4)
    finally:
        setting(port, "gap_ms=0&latency_ms=0")
    assert result["first"] >= 20
    assert result["p50"] >= 20 + 50 * 5
    assert result["reads"] > 40
