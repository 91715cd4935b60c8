"""Answers to questions about code: every character is part of a value, words are strings without their quotes."""

import re
from fractions import Fraction

from quorum_mcp.consensus import literals
from quorum_mcp.consensus.conclusion import Conclusion

_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_QUESTION = re.compile(r"\bassert\s+\w+\(|\[PYTHON\]|^\s*def \w+\(|\bprint\(", re.MULTILINE)
_CALL = re.compile(r"(?:assert\s+)?\w+\([^\n]*\)\s*==\s*(?=\S)")
_EMPTY = re.compile(r"(?:an?\s+|the\s+)?empty\s+(string|list|dictionary|dict|tuple|set)\b", re.IGNORECASE)
_EMPTIES = {"string": "''", "list": "[]", "dictionary": "{}", "dict": "{}", "tuple": "()", "set": "set()"}
_ESCAPED = re.compile(r'\\"(.*?)\\?"?', re.DOTALL)
_MAX_WORDS = 600


def is_about(question: str) -> bool:
    """Whether `question` asks for the value of a piece of Python."""
    return bool(_QUESTION.search(question))


def read(text: str, *, exact: bool = False) -> Conclusion | None:
    """The value that `text` writes down; `exact`: nothing but the value stands there, so blanks count as well."""
    whole = text.strip("\r\n") if exact else text.strip()
    bare = whole.strip().strip("`")
    if not bare:
        return Conclusion("''", "literal:''", "literal") if exact else None
    if found := _CALL.match(bare):
        bare = whole = bare[found.end() :]
    if bare in ("True", "False"):
        return Conclusion(bare, f"truth:{'yes' if bare == 'True' else 'no'}", "truth")
    if _NUMBER.fullmatch(bare):
        return Conclusion(bare, f"number:{Fraction(bare)}", "number", alias=f"literal:{literals.show(bare)}")
    if found := _EMPTY.fullmatch(bare):
        return read(_EMPTIES[found[1].lower()])
    parsed = literals.parse(bare)
    if parsed is not None:
        return Conclusion(bare, f"literal:{literals.show(parsed[0])}", "literal")
    if len(whole) > _MAX_WORDS:
        return None
    if found := _ESCAPED.fullmatch(whole):
        whole = found[1]
    return Conclusion(whole, f"literal:{literals.show(whole)}", "literal")


def empty(sentence: str) -> Conclusion | None:
    """The empty value that `sentence` speaks of last ("returns an empty list"), else None."""
    kinds = _EMPTY.findall(sentence)
    return read(_EMPTIES[kinds[-1].lower()]) if kinds else None
