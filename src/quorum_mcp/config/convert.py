"""The untyped tree as settings: types, bounds and known keys checked, origins written down."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, inspect

from quorum_mcp.config.nodes import Node, Origin, fail, nearest
from quorum_mcp.config.scalars import kind_name, loose, scalar, shown

Expand = Callable[[str, Node, str], str]
"""Puts the variables into a text that may hold `${NAME}`: (text, node, key) -> text."""

_EXPANDED = frozenset({"api_keys", "env", "headers"})


class Converter:
    """Builds settings out of nodes.

    Args:
        expand: applied to the texts of the keys that may name variables.

    Attributes:
        origins: dotted key -> where it was written, for everything that was, containers and items too.
        sources: the same for settings alone: a list is one, a mapping of fields is several.
    """

    def __init__(self, expand: Expand) -> None:
        self._expand = expand
        self.origins: dict[str, Origin] = {}
        self.sources: dict[str, str] = {}

    def build(self, cls: type[Struct], node: Node) -> Any:
        """An instance of `cls` (a struct of the settings) from the root of a tree.

        Raises:
            ConfigError: an unknown key, a wrong type, a value out of bounds; it names place and key.
        """
        return self._value(inspect.type_info(cls), node, "")

    def _value(self, kind: inspect.Type, node: Node, key: str) -> Any:
        self.origins[key] = node.origin
        if isinstance(kind, inspect.UnionType):
            if node.value is None:
                return self._leaf(None, node, key)
            # The unions of the settings are all "something or nothing".
            kind = next(option for option in kind.types if not isinstance(option, inspect.NoneType))
        if isinstance(kind, inspect.StructType):
            return self._struct(kind, node, key)
        if isinstance(kind, inspect.DictType):
            return self._mapping(kind, node, key)
        if isinstance(kind, inspect.VarTupleType):
            return self._list(kind, node, key)
        if isinstance(kind, inspect.AnyType):
            return self._leaf(loose(node, key), node, key)
        if node.value is None or isinstance(node.value, dict | list):
            raise fail(node.origin, key, f"expected {kind_name(kind)}, got {shown(node, key)}")
        value = scalar(kind, node, key)
        if isinstance(value, str) and _may_expand(key):
            value = self._expand(value, node, key)
        return self._leaf(value, node, key)

    def _struct(self, kind: inspect.StructType, node: Node, key: str) -> Any:
        below = self._members(node, key)
        fields = {field.name: field for field in kind.fields}
        values: dict[str, Any] = {}
        for name, inner in below.items():
            if name not in fields:
                raise unknown_key(inner, _join(key, name), name, fields)
            values[name] = self._value(fields[name].type, inner, _join(key, name))
        if missing := [field.name for field in kind.fields if field.required and field.name not in values]:
            raise fail(node.origin, key, f"{' and '.join(missing)} must be given")
        if key and not below:
            self._leaf({}, node, key)
        return kind.cls(**values)

    def _mapping(self, kind: inspect.DictType, node: Node, key: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, inner in self._members(node, key).items():
            if isinstance(kind.key_type, inspect.LiteralType) and name not in kind.key_type.values:
                raise unknown_key(inner, _join(key, name), name, [str(v) for v in kind.key_type.values])
            if not name.strip():
                raise fail(inner.origin, key, "a name must not be empty")
            values[name] = self._value(kind.value_type, inner, _join(key, name))
        return values or self._leaf({}, node, key)

    def _list(self, kind: inspect.VarTupleType, node: Node, key: str) -> tuple[Any, ...]:
        if node.value is None:
            return self._leaf((), node, key)
        if not isinstance(node.value, list):
            raise fail(node.origin, key, f"expected a list, got {shown(node, key)}")
        inner = Converter(self._expand)  # a list is one setting: its items have no sources of their own
        items = [inner._value(kind.item_type, item, f"{key}[{i}]") for i, item in enumerate(node.value)]
        self.origins |= inner.origins
        return self._leaf(tuple(items), node, key)

    def _members(self, node: Node, key: str) -> dict[str, Node]:
        """The nodes of a mapping; none where nothing was written."""
        if node.value is None:
            return {}
        if not isinstance(node.value, dict):
            raise fail(node.origin, key, f"expected a mapping, got {shown(node, key)}")
        return node.value

    def _leaf(self, value: Any, node: Node, key: str) -> Any:
        self.sources[key] = node.origin.describe
        return value


def unknown_key(node: Node, key: str, name: str, known: Any) -> Exception:
    """The error of a key that is not known there, with the nearest one that is."""
    names = sorted(known)
    return fail(
        node.origin, key, f"unknown key{nearest(name, names)}", hint="Known here: " + ", ".join(names)
    )


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _may_expand(key: str) -> bool:
    return not _EXPANDED.isdisjoint(part.partition("[")[0] for part in key.split("."))
