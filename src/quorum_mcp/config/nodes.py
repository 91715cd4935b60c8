"""Configuration before it has types: a tree of text whose every node knows where it was written."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.errors import ConfigError

_LINE = re.compile(r".+ line (\d+) \((.+)\)")
"""How a line of a file is described."""


class Origin(Struct, frozen=True):
    """Where a value was written: a line of a file, a variable of the environment, the command line.

    `describe` is what people read; `file` and `line` (from 1) are set for files.
    """

    describe: str
    file: str | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """The start of an error message: `path:line`, or the description."""
        return f"{self.file}:{self.line}" if self.file else self.describe


class Node(Struct):
    """A value as written. Scalars are text: what it means depends on the type that is wanted there.

    Attributes:
        value: the text, or the nodes of a mapping or a list; None where nothing was written (or `null`).
        style: `plain` and `quoted` scalars of YAML; `text` for those of the environment and the command line.
    """

    value: "str | dict[str, Node] | list[Node] | None"
    origin: Origin
    style: Literal["plain", "quoted", "text"] = "plain"


def origin_of(sources: Mapping[str, str], key: str) -> Origin:
    """Where a setting, or the first of a section's, was written; out of what the settings kept of it."""
    first = next((one for one in sources if one == key or one.startswith(f"{key}.")), None)
    describe = "configuration" if first is None else sources[first]
    written = _LINE.fullmatch(describe)
    return Origin(describe, written[2], int(written[1])) if written else Origin(describe)


def fail(origin: Origin, key: str, problem: str, hint: str | None = None) -> ConfigError:
    """The error of one value: its place, its dotted key, what is wrong with it."""
    where = f"{origin.place}: {key}" if key else origin.place
    details: dict[str, Any] = {
        "source": origin.describe,
        "key": key,
        "file": origin.file,
        "line": origin.line,
    }
    return ConfigError(f"{where}: {problem}", hint=hint, details={k: v for k, v in details.items() if v})


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of the known names, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def from_python(value: Any, origin: Origin) -> Node:
    """A node of a plain Python value, as the command line hands it over."""
    if isinstance(value, dict):
        return Node({str(key): from_python(inner, origin) for key, inner in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([from_python(inner, origin) for inner in value], origin)
    if isinstance(value, bool):
        value = str(value).lower()
    return Node(None if value is None else str(value), origin, "text")


def put(root: Node, key: str, leaf: Node) -> None:
    """Set the dotted `key` below `root` to `leaf`, over what a weaker source had there."""
    *parents, name = key.split(".")
    for parent in parents:
        mapping = _mapping(root)
        below = mapping.get(parent)
        if below is None or not isinstance(below.value, dict):
            below = mapping[parent] = Node({}, leaf.origin)
        root = below
    _mapping(root)[name] = leaf


def _mapping(node: Node) -> "dict[str, Node]":
    if not isinstance(node.value, dict):
        node.value = {}
    return node.value
