"""The protocol's own conformance suite, against the real application over HTTP, in both revisions."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.support.server import Server

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
NEWER = PACKAGES / "@modelcontextprotocol/conformance/dist/index.js"
OLDER = PACKAGES / "mcp-conformance-0.1/dist/index.js"

pytestmark = [pytest.mark.needs("node"), pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has the suite's fixtures, as `python -m tests.conformance.serve` starts it."""
    home = tmp_path_factory.mktemp("conformance")
    command = (sys.executable, "-m", "tests.conformance.serve", "--port", "{port}")
    with Server(home, {}, command=command, PYTHONPATH=str(HERE.parents[1])) as server:
        yield f"http://localhost:{server.port}/mcp"


@cache
def judged(suite: Path, url: str, *options: str) -> str:
    """What the suite says; its exit status is 1 where a scored scenario fails."""
    node = shutil.which("node")
    if node is None or not suite.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(
            f"{suite.parents[1].name} is missing: `./dev test` installs it, or `npm ci` in tests/conformance"
        )
    command = [node, str(suite), "server", "--url", url, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rpartition("=== SUMMARY ===")[2]


def passed(summary: str) -> tuple[set[str], set[str]]:
    """The scenarios without a failed check, and those with one."""
    good = {match[1] for match in re.finditer(r"^\W*✓ (\S+): \d+ passed", summary, re.MULTILINE)}
    bad = {match[1] for match in re.finditer(r"^\W*✗ (\S+): ", summary, re.MULTILINE)}
    return good, bad


def scored(revision: str) -> set[str]:
    """The server scenarios that the revision requires."""
    lines = (PACKAGES / f"@modelcontextprotocol/conformance/requirements/{revision}.yaml").read_text()
    return set(
        re.findall(r"^  - (\S+)$", lines.partition("\nserver:\n")[2].partition("\nclient:")[0], re.MULTILINE)
    )


@pytest.mark.parametrize(("revision", "scenarios"), [("2026-07-28", 37), ("2025-11-25", 30)])
def test_every_scored_scenario_passes(url: str, revision: str, scenarios: int) -> None:
    good, bad = passed(judged(NEWER, url, "--requirements", revision))
    required = scored(revision)
    assert len(required) == scenarios
    assert required <= good
    assert not required & bad


def test_no_check_of_the_older_revision_fails(url: str) -> None:
    assert "Total: 84 passed, 0 failed" in judged(NEWER, url, "--requirements", "2025-11-25")


def test_the_suite_before_that_passes_too(url: str) -> None:
    assert "Total: 40 passed, 0 failed" in judged(OLDER, url)
