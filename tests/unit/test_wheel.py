"""The wheel holds every tracked file of the package: the page's files are no Python and easily left behind."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = "import sys, uv_build; print(uv_build.build_wheel(sys.argv[1]))"


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, env=os.environ | {"PATH": tools},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tracked = subprocess.run(
        ["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    wanted = {line.removeprefix("src/") for line in tracked.splitlines() if (ROOT / line).is_file()}
    with zipfile.ZipFile(tmp_path / done.stdout.strip().splitlines()[-1]) as wheel:
        held = set(wheel.namelist())
    assert sum("/api/ui/" in name for name in wanted) > 50
    assert wanted <= held, sorted(wanted - held)
