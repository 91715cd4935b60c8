"""The size ratchet: small files and functions; what is over the limit is listed and may only shrink."""

import ast
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.syntax import parse

pytestmark = pytest.mark.timeout(30)

ROOT = Path(__file__).parents[2]
LISTED: dict[str, int] = tomllib.loads((Path(__file__).parent / "size_exceptions.toml").read_text())
FILE, FUNCTION, SCRIPT = 400, 60, 300
MEDIAN = 150


def python_files() -> list[Path]:
    return [
        path
        for top in ("src", "tools", "tests", "benchmarks")
        for path in sorted((ROOT / top).rglob("*.py"))
        if "node_modules" not in path.parts
    ]


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function with its lines, signature and docstring included, decorators not."""
    for node in ast.walk(parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def measured() -> Iterator[tuple[str, int, int]]:
    """Every name with its size and its limit."""
    for path in python_files():
        name = path.relative_to(ROOT).as_posix()
        yield name, lines(path), FILE
        for function, size in functions(path):
            yield f"{name}:{function}", size, FUNCTION
    for path in sorted((ROOT / "src/quorum_mcp/api/ui").rglob("*.js")):
        if "vendor" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), lines(path), SCRIPT


def test_nothing_outgrows_its_limit() -> None:
    over = [
        f"{n}: {s} lines, at most {max(lim, LISTED.get(n, 0))}"
        for n, s, lim in measured()
        if s > max(lim, LISTED.get(n, 0))
    ]
    assert not over, "\n".join(over)


def test_exceptions_only_shrink() -> None:
    largest: dict[str, tuple[int, int]] = {}
    for name, size, limit in measured():
        largest[name] = max(largest.get(name, (0, limit)), (size, limit))
    for name, allowed in LISTED.items():
        size, limit = largest.get(name, (0, 0))
        assert size > limit, f"{name} is within the limit now: take it off the list"
        assert size >= allowed, f"{name} has shrunk to {size}: list that"


def test_most_files_are_small() -> None:
    sizes = [lines(path) for path in sorted((ROOT / "src").rglob("*.py"))]
    assert statistics.median(sizes) < MEDIAN
