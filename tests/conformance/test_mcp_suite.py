"""The protocol's own conformance suite, against the real application over HTTP, in both revisions.

It runs with and without a key that everyone needs: the suite cannot show one, so a module loaded before it does.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.server import Server

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
NEWER = PACKAGES / "@modelcontextprotocol/conformance/dist/index.js"
OLDER = PACKAGES / "mcp-conformance-0.1/dist/index.js"

pytestmark = [pytest.mark.needs("node"), pytest.mark.timeout(60)]


class Judged(NamedTuple):
    """A server that has the suite's fixtures, as `python -m tests.conformance.serve` starts it."""

    url: str
    key: str | None


@pytest.fixture(scope="module", params=[None, "let-me-in"], ids=["open", "keyed"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    home, key = tmp_path_factory.mktemp("conformance"), request.param
    command = (sys.executable, "-m", "tests.conformance.serve", "--port", "{port}")
    command += ("--key", key) if key else ()
    with Server(home, {}, command=command, PYTHONPATH=str(HERE.parents[1])) as running:
        yield Judged(f"http://localhost:{running.port}/mcp", key)


@cache
def judged(suite: Path, server: Judged, *options: str) -> str:
    """What the suite says; its exit status is 1 where a scored scenario fails."""
    node = shutil.which("node")
    if node is None or not suite.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(
            f"{suite.parents[1].name} is missing: `./dev test` installs it, or `npm ci` in tests/conformance"
        )
    before = ("--import", str(HERE / "with_key.mjs")) if server.key else ()
    command = [node, *before, str(suite), "server", "--url", server.url, *options]
    env = os.environ | {"JUDGE_KEY": server.key or ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, env=env)
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
def test_every_scored_scenario_passes(server: Judged, revision: str, scenarios: int) -> None:
    good, bad = passed(judged(NEWER, server, "--requirements", revision))
    required = scored(revision)
    assert len(required) == scenarios
    assert required <= good
    assert not required & bad


@pytest.mark.parametrize(("revision", "checks"), [("2026-07-28", 196), ("2025-11-25", 84)])
def test_no_check_fails(server: Judged, revision: str, checks: int) -> None:
    """Those that are not scored either: tasks, headers, schemas."""
    assert f"Total: {checks} passed, 0 failed" in judged(NEWER, server, "--requirements", revision)


def test_the_suite_before_that_passes_too(server: Judged) -> None:
    assert "Total: 40 passed, 0 failed" in judged(OLDER, server)
