"""The pages out of the wheel of a clean checkout, from a folder that nobody writes to."""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.past import world_with_past
from tests.browser.steps import answered, ask
from tests.browser.tour import tour

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
ROOT = Path(__file__).parents[2]
BUILD = "import sys, uv_build; print(uv_build.build_wheel(sys.argv[1]))"
WHERE = "import quorum_mcp; print(quorum_mcp.__file__)"


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def wheel_of_a_clean_checkout(folder: Path) -> Path:
    """The wheel of what git has, with what is changed here but without what was never added; unpacked."""
    commit = git("stash", "create").decode().strip() or "HEAD"
    checkout, unpacked = folder / "checkout", folder / "unpacked"
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(checkout, filter="data")
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=checkout, env=os.environ | {"PATH": tools},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    with zipfile.ZipFile(folder / built.stdout.strip().splitlines()[-1]) as wheel:
        wheel.extractall(unpacked)
    return unpacked


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody but root may write below the folder, and for root the test looks whether anybody did."""
    every = [folder, *folder.rglob("*")]
    before = {path: path.stat().st_mtime for path in every}
    for path in every:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield
    assert {path: path.stat().st_mtime for path in [folder, *folder.rglob("*")]} == before
    for path in every:
        path.chmod(0o755)


def test_the_tour_passes_from_the_wheel(tmp_path: Path, open_page: OpenPage) -> None:
    unpacked = wheel_of_a_clean_checkout(tmp_path)
    env = {"PYTHONPATH": str(unpacked), "PYTHONDONTWRITEBYTECODE": "1"}
    asked = subprocess.run(
        [sys.executable, "-c", WHERE], env=os.environ | env, capture_output=True, text=True, check=True
    )
    assert asked.stdout.startswith(str(unpacked))
    with read_only(unpacked), world_with_past(tmp_path / "home", calls=200, sessions=5, **env) as there:
        page = open_page(there.url)
        assert len(tour(page)) >= 9
        page.goto(there.url)
        ask(page, "What is 2 + 2?", there.model("a", "Four.\nCONCLUSION: 4"))
        answered(page)
        page.goto(there.url + "#/calls")
        expect(page.get_by_role("table", name="Calls").locator("tbody tr").first).to_contain_text("lab/")
