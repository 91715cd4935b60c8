"""Runs @copilotkit/aimock, which answers in the shapes of OpenAI, Anthropic, Gemini, Ollama and OpenRouter."""

import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SERVER = HERE / "node_modules/@copilotkit/aimock/dist/cli.js"
ANSWERS = HERE / "aimock.json"


@contextmanager
def running_aimock() -> Iterator[str]:
    """The base URL of the server, for as long as the block runs; skips loudly where it is not installed."""
    node = shutil.which("node")
    if node is None or not SERVER.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(
            "aimock is missing: `./dev test` installs it, or `npm ci --ignore-scripts` in tests/conformance"
        )
    command = [node, str(SERVER), "-p", "0", "-f", str(ANSWERS), "--chunk-size", "7", "--journal-max", "50"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def _address(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    said, end = b"", time.monotonic() + 30
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < end and selector.select(end - time.monotonic()):
            piece = os.read(process.stdout.fileno(), 4096)
            said += piece
            if found := re.search(rb"listening on (http://\S+)", said):
                return found[1].decode()
            if not piece:
                break
    raise AssertionError(f"aimock did not start: {said.decode(errors='replace')}")
