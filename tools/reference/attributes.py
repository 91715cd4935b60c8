"""The docstrings of attributes: the string that stands below a field of a class."""

import ast
import inspect
import sys
from functools import cache
from pathlib import Path


def attributes(cls: type) -> dict[str, str]:
    """The fields of a class that are documented, with their texts; bases count that stand in the same file."""
    module = inspect.getfile(sys.modules[cls.__module__])
    return _fields(cls.__name__, Path(module))


def bases(cls: type) -> list[str]:
    """The names of the classes of the same file that a class is written upon."""
    classes = _classes(Path(inspect.getfile(sys.modules[cls.__module__])))
    return [
        base.id for base in classes[cls.__name__].bases if isinstance(base, ast.Name) and base.id in classes
    ]


def _fields(name: str, file: Path) -> dict[str, str]:
    node = _classes(file).get(name)
    if node is None:
        return {}
    found: dict[str, str] = {}
    for base in node.bases:  # the source is asked, because a TypedDict forgets its bases
        if isinstance(base, ast.Name):
            found |= _fields(base.id, file)
    for field, below in zip(node.body, node.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                found[name] = " ".join(text.split())
            case _:
                pass
    return found


@cache
def _classes(file: Path) -> dict[str, ast.ClassDef]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
