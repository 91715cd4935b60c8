"""quorum.yaml as a tree of nodes: every value with its line, duplicate keys refused."""

from pathlib import Path

import yaml

from quorum_mcp.config.nodes import Node, Origin, fail
from quorum_mcp.errors import ConfigError

MAX_NODES = 100_000
"""Aliases can multiply a small file beyond any memory; no real configuration has this many values."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"


def read(path: Path) -> Node:
    """The tree of a file; an empty file is an empty mapping.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or is no mapping; it names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        root = yaml.compose(text, yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{place}: no valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: no valid YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply") from error
    tree = _Tree(path)
    if root is None:
        return Node({}, tree.origin(0))
    node = tree.node(root, root.start_mark.line, "")
    if node.value is not None and not isinstance(node.value, dict):
        raise fail(node.origin, "", "the file has to be a mapping of sections (`providers:`, `panels:`, …)")
    return node


class _Tree:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: set[int] = set()
        self._count = 0

    def origin(self, line: int) -> Origin:
        """The origin of a line, counted from 0 as the parser does."""
        return Origin(f"{self._path.name} line {line + 1} ({self._path})", str(self._path), line + 1)

    def node(self, source: yaml.Node, line: int, key: str) -> Node:
        """The node of a YAML node that is reported at `line`."""
        self._count += 1
        origin = self.origin(line)
        if self._count > MAX_NODES or id(source) in self._open:
            raise fail(origin, key, "anchors and aliases make this endless or far too large")
        if not source.tag.startswith("tag:yaml.org,2002:") or "python" in source.tag:
            raise fail(origin, key, f"tags such as {source.tag!r} are not allowed")
        if isinstance(source, yaml.ScalarNode):
            plain = source.style is None
            empty = plain and source.value in _NULL
            return Node(None if empty else source.value, origin, "plain" if plain else "quoted")
        self._open.add(id(source))
        try:
            if isinstance(source, yaml.SequenceNode):
                items = [
                    self.node(item, item.start_mark.line, f"{key}[{i}]")
                    for i, item in enumerate(source.value)
                ]
                return Node(items, origin)
            return Node(self._mapping(source, key), origin)
        finally:
            self._open.discard(id(source))

    def _mapping(self, source: yaml.Node, key: str) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for name_node, value_node in source.value:
            line = name_node.start_mark.line
            if not isinstance(name_node, yaml.ScalarNode):
                raise fail(self.origin(line), key, "a key has to be text")
            name = name_node.value
            dotted = f"{key}.{name}" if key else name
            if name == _MERGE and name_node.style is None:
                merged = self._merged(value_node, line, key) | merged
            elif name in own:
                raise fail(self.origin(line), dotted, f"given twice (first on line {own[name].origin.line})")
            else:
                own[name] = self.node(value_node, line, dotted)
        return merged | own

    def _merged(self, source: yaml.Node, line: int, key: str) -> dict[str, Node]:
        """The members that `<<:` takes over; of several mappings the first one wins."""
        below = self.node(source, line, key)
        result: dict[str, Node] = {}
        for part in below.value if isinstance(below.value, list) else [below]:
            if not isinstance(part.value, dict):
                raise fail(below.origin, key, "`<<` takes a mapping")
            result = part.value | result
        return result
