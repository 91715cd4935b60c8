"""Answers to questions about code: every character is part of a value, words are strings without their quotes."""

import re
from fractions import Fraction

from quorum_mcp.consensus.reading import literals
from quorum_mcp.consensus.reading.conclusion import Conclusion

_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_QUESTION = re.compile(r"\bassert\s+\w+\(|\[PYTHON\]|^\s*def \w+\(|\bprint\(", re.MULTILINE)
_CALL = re.compile(r"(?:assert\s+)?\w+\([^\n]*\)\s*==\s*(?=\S)")
_EMPTY = re.compile(r"(?:an?\s+|the\s+)?empty\s+(string|list|dictionary|dict|tuple|set)\b", re.IGNORECASE)
_EMPTIES = {"string": "''", "list": "[]", "dictionary": "{}", "dict": "{}", "tuple": "()", "set": "set()"}
_ESCAPED = re.compile(r'\\"(.*?)\\?"?', re.DOTALL)
_PROSE = re.compile(
    r"\b(?:an?|the|is|will|returns?|output|function|string|list|which|result|since|because)\b", re.IGNORECASE
)
_PROSE_WORDS = 4
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
    if parsed is None and '\\"' in bare:
        bare = bare.replace('\\"', '"')
        parsed = literals.parse(bare)
    if parsed is not None:
        return Conclusion(bare, f"literal:{literals.show(parsed[0])}", "literal")
    if len(whole) > _MAX_WORDS:
        return None
    return _words(whole)


def _words(text: str) -> Conclusion:
    """A string without its quotes; escapes in it are meant as in a literal."""
    if found := _ESCAPED.fullmatch(text):
        text = found[1]
    shown = text
    if "\\" in text:
        quoted = literals.parse(repr(text).replace("\\\\", "\\"))
        if quoted is not None and isinstance(quoted[0], str):
            text = quoted[0]
            shown = repr(text)
    return Conclusion(shown, f"literal:{literals.show(text)}", "literal")


def is_prose(text: str) -> bool:
    """Whether `text` speaks about a value rather than being one."""
    return len(text.split()) >= _PROSE_WORDS and _PROSE.search(text) is not None


def is_value(text: str) -> bool:
    """Whether all of `text` is a literal."""
    return literals.parse(text.strip().strip("`")) is not None


def empty(sentence: str) -> Conclusion | None:
    """The empty value that `sentence` speaks of last ("returns an empty list"), else None."""
    kinds = _EMPTY.findall(sentence)
    return read(_EMPTIES[kinds[-1].lower()]) if kinds else None
