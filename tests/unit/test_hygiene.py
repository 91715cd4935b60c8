"""What must not be in the tree, and what importing the package must not do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.syntax import parse
from tools.environment import dependencies_digest, locked_digest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"

MACHINE_PATHS = re.compile(r"(?<![\w}.~-])/(work|home|root|Users)/\w")
# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
        )
    )
)
HEAVY = (
    "aiohttp",
    "alembic",
    "fastapi",
    "mcp",
    "msgspec",
    "pydantic",
    "rich",
    "sqlalchemy",
    "uvicorn",
    "yaml",
)
BROAD_PER_1000_LINES = 0.5
BROAD_FLOOR = 2  # the operation's entry and the task supervisor


def tracked() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [ROOT / name for name in names.split("\0") if name and "/vendor/" not in name]


def lines_matching(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in tracked():
        if not path.is_file():
            continue
        text = path.read_bytes()
        if b"\0" in text:
            continue
        for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"


def test_no_machine_paths() -> None:
    assert not (found := list(lines_matching(MACHINE_PATHS))), "\n".join(found)


def test_no_registry_hosts() -> None:
    assert not (found := list(lines_matching(REGISTRIES))), "\n".join(found)


def test_the_lock_belongs_to_the_dependencies() -> None:
    assert locked_digest() == dependencies_digest(), "pyproject.toml names other dependencies: run ./dev lock"


def is_reraise(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None


def broad_handlers(tree: ast.AST) -> Iterator[int]:
    """Lines of `except:`, `except Exception` and `except BaseException`, unless they end in `raise`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and not is_reraise(node.body[-1]):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(
                kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
                for kind in kinds
            ):
                yield node.lineno


def test_few_broad_excepts() -> None:
    total, found = 0, []
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text()
        total += len(text.splitlines())
        found += [f"{path.relative_to(ROOT)}:{line}" for line in broad_handlers(parse(text))]
    assert len(found) <= max(BROAD_FLOOR, BROAD_PER_1000_LINES * total / 1000), "\n".join(found)


def in_child(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


WATCH = """
import sys
def watch(event, args):
    if event in ("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen"):
        raise RuntimeError(f"{event} {args} at import")
sys.addaudithook(watch)
"""
IMPORT_EVERYTHING = """
import importlib, pkgutil, quorum_mcp
for module in pkgutil.walk_packages(quorum_mcp.__path__, "quorum_mcp."):
    importlib.import_module(module.name)
"""


@pytest.mark.timeout(60)
def test_importing_every_module_opens_no_socket_and_starts_no_process() -> None:
    in_child(WATCH + IMPORT_EVERYTHING)


def test_the_watch_sees_a_socket() -> None:
    with pytest.raises(AssertionError, match="at import"):
        in_child(WATCH + "import socket; socket.create_connection(('127.0.0.1', 9))")


def test_importing_the_package_loads_nothing_heavy() -> None:
    in_child(f"import sys, quorum_mcp; found = set({HEAVY}) & set(sys.modules); assert not found, found")


@pytest.mark.parametrize("code", ["try: pass\nexcept: pass", "try: pass\nexcept (OSError, Exception): pass"])
def test_broad_handlers_are_seen(code: str) -> None:
    assert list(broad_handlers(parse(code)))
