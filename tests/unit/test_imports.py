"""Imports run one way (docs: plain types at the bottom, the application at the top)."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.syntax import parse

pytestmark = pytest.mark.timeout(30)

SRC = Path(__file__).parents[2] / "src"
PACKAGE = "quorum_mcp"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"codec", "messages", "tasks", "answers", "events", "event_data", "money", "ids", "errors"}),
    frozenset({"config", "store", "observe"}),
    frozenset({"access", "runs", "providers"}),
    frozenset({"operations", "calls", "notify"}),
    frozenset({"consensus", "routing", "upstreams", "reports", "rag", "agents", "workflows", "modules"}),
    frozenset({"api", "cli", "client"}),
    frozenset({"app"}),
    frozenset({"server", "web", "__main__", ""}),  # "" is the package itself: the paths that users type
)
FEATURES = LAYERS[4]
MAY_HAVE_OPS = frozenset().union(*LAYERS[2:6])


@dataclass(frozen=True)
class Import:
    """Module `target` is imported by `source`, both dotted below the package."""

    source: str
    target: str
    line: int


def top(module: str) -> str:
    return module.partition(".")[0]


def layer(module: str) -> int:
    for number, names in enumerate(LAYERS):
        if top(module) in names:
            return number
    raise AssertionError(f"{module}: place {top(module)!r} in LAYERS (tests/unit/test_imports.py)")


def unit(module: str) -> str:
    """The feature a module belongs to: a package, or one folder below modules/."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "modules" and len(parts) > 1 else parts[0]


def is_ops(module: str) -> bool:
    return unit(module) + ".ops" == module or module.startswith(unit(module) + ".ops.")


def modules() -> dict[str, Path]:
    """Dotted names below the package ("" is the package itself) with their files."""
    names = {}
    for path in sorted((SRC / PACKAGE).rglob("*.py")):
        parts = path.relative_to(SRC / PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def absolute(node: ast.ImportFrom, source: str, is_package: bool) -> str | None:
    """The full module that a `from … import` reads, relative ones resolved."""
    if node.level == 0:
        return node.module
    base = [PACKAGE, *(source.split(".") if source else [])]
    base = base[: len(base) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *(node.module.split(".") if node.module else [])])


def imports_of(source: str, tree: ast.AST, is_package: bool, known: set[str]) -> Iterator[Import]:
    """Every import of ours anywhere in the file: inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (module := absolute(node, source, is_package)):
            full = [f"{module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix(f"{PACKAGE}.") in known else module for name in full]
        for name in names:
            if name == PACKAGE or name.startswith(f"{PACKAGE}."):
                yield Import(source, name.removeprefix(PACKAGE).removeprefix("."), node.lineno)


def fault(found: Import) -> str | None:
    """What is wrong with one import, or None."""
    source, target = found.source, found.target
    if unit(source) == unit(target) or target == "":  # within a package; the version of the whole
        return None
    if is_ops(source) and top(source) in MAY_HAVE_OPS and top(target) == "operations":
        return None  # declaring operations is what an ops.py is for
    if layer(target) > layer(source):
        return "imports upwards"
    if top(source) in FEATURES and top(target) in FEATURES and not is_ops(target):
        return "imports more of another feature than its ops.py"
    return None


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    known = set(modules())
    return [
        found
        for source, path in modules().items()
        for found in imports_of(source, parse(path.read_text()), path.name == "__init__.py", known)
    ]


def test_imports_run_one_way(imports: list[Import]) -> None:
    faults = [f"{i.source}:{i.line} {reason}: {i.target}" for i in imports if (reason := fault(i))]
    assert not faults, "\n".join(faults)


def test_every_module_has_its_layer() -> None:
    for module in modules():
        layer(module)


def test_packages_of_one_layer_do_not_import_in_a_circle(imports: list[Import]) -> None:
    edges: dict[str, set[str]] = {}
    for i in imports:
        if i.target and unit(i.source) != unit(i.target) and not is_ops(i.source) and not is_ops(i.target):
            edges.setdefault(unit(i.source), set()).add(unit(i.target))

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "a circle: " + " -> ".join((*trail[trail.index(name) :], name))
        for following in sorted(edges.get(name, ())):
            walk(following, (*trail, name))

    for name in sorted(edges):
        walk(name, ())


@pytest.mark.parametrize(
    ("source", "code", "bad"),
    [
        ("messages", "from quorum_mcp.config import settings", True),
        ("config.load", "from quorum_mcp.errors import ConfigError", False),
        ("providers.base", "def f():\n  import quorum_mcp.calls.pipeline", True),
        ("calls.run", "if TYPE_CHECKING:\n  from quorum_mcp.consensus import modes", True),
        ("providers.base", "from ..api import rest", True),
        ("consensus.modes", "from quorum_mcp.rag import ops", False),
        ("consensus.modes", "from quorum_mcp.rag.ops import search", False),
        ("consensus.modes", "from quorum_mcp.rag.index import Index", True),
        ("modules.iac.run", "from quorum_mcp.modules.talos.client import get", True),
        ("modules.iac.run", "from quorum_mcp.modules.iac.parse import parse", False),
        ("access.ops", "from quorum_mcp.operations import Operation", False),
        ("access.keys", "from quorum_mcp.operations import Operation", True),
        ("api.rest.routes", "from quorum_mcp.app import build", True),
        ("app", "from quorum_mcp import api, cli", False),
        ("errors", "import json", False),
    ],
)
def test_the_rule_itself(source: str, code: str, bad: bool) -> None:
    known = {"config.settings", "api.rest", "consensus.modes", "rag.ops", "api", "cli"}
    found = list(imports_of(source, parse(code), is_package=False, known=known))
    assert any(fault(i) for i in found) is bad
