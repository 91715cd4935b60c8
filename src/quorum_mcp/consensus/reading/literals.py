"""Python literals, shown so that equal values have one form."""

import ast
import json
import re
import warnings
from fractions import Fraction
from typing import Any

MAX_LENGTH = 4000
_MAX_DEPTH = 30
_BLANK = re.compile(r"\s|\\+[nrtfv]")
_HUGE = 10**300
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_OTHER = re.compile(r"\b(?!(?:True|False|None|set|[bruBRU]|\d+[eE]\d+)\b)[A-Za-z_]|[)\]}]\s*[\[({]")
"""What no literal holds outside its strings: names, calls and subscripts."""
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})


def parse(text: str) -> tuple[Any] | None:
    """A one-tuple with the value of the Python (or JSON) literal that `text` is, else None.

    Only containers, strings, bytes, True, False and None count; numbers are read elsewhere.
    """
    text = text.strip()
    if not text or len(text) > MAX_LENGTH or text[0] not in "[({'\"bTFN‘“" or _depth(text) > _MAX_DEPTH:
        return None
    for attempt in dict.fromkeys((text, text.translate(_QUOTES))):
        if _OTHER.search(_STRING.sub("''", attempt)):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # odd escapes in a model's text are no concern of the log
                value = ast.literal_eval(attempt)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError, SystemError):
            continue  # SystemError: CPython 3.11 counts depth wrongly when two threads parse at once
        return None if isinstance(value, int | float | complex) and not isinstance(value, bool) else (value,)
    return _json(text) if text[0] in "[{" else None


def _json(text: str) -> tuple[Any] | None:
    try:
        return (json.loads(text, strict=False),)
    except (ValueError, RecursionError):
        return None


def _depth(text: str) -> int:
    depth = most = 0
    for mark in re.findall(r"[\[({\])}]", text):
        depth += 1 if mark in "[({" else -1
        most = max(most, depth)
    return most


def show(value: Any) -> str:
    """One form for equal literals.

    1 and 1.0 are the same, sets and dicts are sorted, quotes are single, and white space inside strings, written
    out or escaped, is dropped.
    """
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return str(Fraction(repr(value))) if abs(value) < _HUGE else repr(value)
    if isinstance(value, list):
        return "[" + ",".join(map(show, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ",".join(map(show, value)) + ")"
    if isinstance(value, set | frozenset):
        return "{" + ",".join(sorted(map(show, value))) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{show(k)}:{show(v)}" for k, v in value.items())) + "}"
    if isinstance(value, str):
        return repr(_BLANK.sub("", value))
    return repr(value)
