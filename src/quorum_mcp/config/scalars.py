"""One scalar of the configuration as the type that is wanted there."""

import math
import re
from typing import Any

from msgspec import inspect

from quorum_mcp.config.nodes import Node, fail, nearest
from quorum_mcp.config.secrets import is_secret_key

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_WHOLE = re.compile(r"[+-]?\d+(_\d+)*")
_NUMBER = re.compile(r"[+-]?(\d+(_\d+)*(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_LONGEST_NUMBER = 40


def scalar(kind: inspect.Type, node: Node, key: str) -> Any:
    """The value of a node that holds text.

    Raises:
        ConfigError: the text is none of this kind, or out of its bounds.
    """
    if isinstance(kind, inspect.BoolType):
        return _boolean(node, key)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(kind, node, key)
    if isinstance(kind, inspect.LiteralType):
        return _choice(kind, node, key)
    if isinstance(kind, inspect.StrType):
        return _string(kind, node, key)
    raise fail(node.origin, key, f"expected {kind_name(kind)}, got {shown(node, key)}")


def loose(node: Node, key: str = "") -> Any:
    """A value where any type will do: plain numbers, booleans and null as in YAML 1.2, else text."""
    if isinstance(node.value, dict):
        return {name: loose(inner, f"{key}.{name}") for name, inner in node.value.items()}
    if isinstance(node.value, list):
        return [loose(inner, key) for inner in node.value]
    if node.value is None or node.style == "quoted":
        return node.value
    if node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    if len(node.value) > _LONGEST_NUMBER or "_" in node.value or not _NUMBER.fullmatch(node.value):
        return node.value
    return int(node.value) if _WHOLE.fullmatch(node.value) else float(node.value)


def kind_name(kind: inspect.Type) -> str:
    """A kind in words, for messages."""
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in kind.values)
    if isinstance(kind, inspect.StructType | inspect.DictType):
        return "a mapping"
    if isinstance(kind, inspect.CollectionType):
        return "a list"
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.IntType):
        return "a whole number"
    return "a number" if isinstance(kind, inspect.FloatType) else "text"


def shown(node: Node, key: str) -> str:
    """What stands there, in words, shortened, and never a secret."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None:
        return "nothing"
    if is_secret_key(key):
        return "a text (not shown)"
    text = node.value if len(node.value) <= 60 else node.value[:57] + "…"
    return f"the text {text!r}" if node.style == "quoted" else repr(text)


def _boolean(node: Node, key: str) -> bool:
    text = str(node.value).strip().lower()
    if node.style == "quoted" or text not in _TRUE | _FALSE:
        raise fail(node.origin, key, f"expected true or false, got {shown(node, key)}")
    return text in _TRUE


def _number(kind: inspect.IntType | inspect.FloatType, node: Node, key: str) -> int | float:
    text = str(node.value).strip()
    value = None if node.style == "quoted" else _parsed(text, whole=isinstance(kind, inspect.IntType))
    if value is None:
        hint = "Write the number without quotation marks." if node.style == "quoted" else None
        raise fail(node.origin, key, f"expected {kind_name(kind)}, got {shown(node, key)}", hint)
    if kind.ge is not None and value < kind.ge:
        raise fail(node.origin, key, f"has to be at least {kind.ge:g}, got {text}")
    if kind.gt is not None and value <= kind.gt:
        raise fail(node.origin, key, f"has to be more than {kind.gt:g}, got {text}")
    if kind.le is not None and value > kind.le:
        raise fail(node.origin, key, f"has to be at most {kind.le:,.12g}, got {text}")
    return value


def _parsed(text: str, *, whole: bool) -> int | float | None:
    """The number that a text writes, or None; 1e3 is a whole number, NaN and the infinite are none."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    text = text.replace("_", "")
    if _WHOLE.fullmatch(text):
        return int(text) if whole else float(text)
    number = float(text)
    if not math.isfinite(number):
        return None
    if whole:
        return int(number) if number.is_integer() else None
    return number


def _choice(kind: inspect.LiteralType, node: Node, key: str) -> Any:
    text = str(node.value).strip()
    for value in kind.values:
        if str(value).lower() == text.lower():
            return value
    known = [str(value) for value in kind.values]
    problem = f"expected one of {', '.join(known)}, got {shown(node, key)}{nearest(text, known)}"
    raise fail(node.origin, key, problem)


def _string(kind: inspect.StrType, node: Node, key: str) -> str:
    text = str(node.value)
    if kind.min_length and len(text.strip()) < kind.min_length:
        raise fail(node.origin, key, "must not be empty")
    if kind.pattern and not re.search(kind.pattern, text):
        # A key pasted where its variable's name belongs is the usual mistake: say no word of the text.
        raise fail(node.origin, key, "is no name of an environment variable (letters, digits and _)")
    return text
