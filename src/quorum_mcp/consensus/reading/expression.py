"""Short mathematical answers as comparison keys: values, lists, sets, tuples, intervals, equations."""

import re
from fractions import Fraction

from quorum_mcp.consensus.reading import formula, latex

_PREFIX = re.compile(
    r"\s*[a-zA-Zθαβγλμωφ](?:_\(?\w{1,3}\)?)?'?(?:\s?\([a-zA-Z](?:\s?,\s?[a-zA-Z]){0,3}\))?\s*(?:=|∈|≈)\s*"
)
_TUPLE_PREFIX = re.compile(r"\s*\(\s*[a-zA-Z](?:_\w)?(?:\s*,\s*[a-zA-Z](?:_\w)?){1,5}\s*\)\s*=\s*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_FOREIGN = re.compile(r"[^\W\d_a-zA-Zα-ωΑ-Ω]")
_KNOWN = {
    "sqrt",
    "binom",
    "sin",
    "cos",
    "tan",
    "log",
    "exp",
    "arcsin",
    "arccos",
    "arctan",
    "max",
    "min",
    "gcd",
    "lcm",
    "mod",
}
_JOINER = re.compile(r"(?<=[\w)}\]])\s+(?:and|or)\s+(?=[\w({\[\\$+-])")
_VARIABLE = re.compile(r"(?<![a-zA-Z])([a-zA-Z])(?![a-zA-Z])")
_RELATION = re.compile(r"([<>]=?|[=≤≥≠≈])")
_MARKS = re.compile(r"[\d+*/^=<>≤≥π√∞±{}\[\]()|∪°-]")
_FLIPPED = {">": "<", "≥": "≤"}
_MAX_PARTS = 40


def strip_prefix(text: str) -> str:
    """`text` without the name that it gives a value to: `x = 5` is 5, `(x, y) = (1, 2)` is (1, 2)."""
    found = _PREFIX.match(text) or _TUPLE_PREFIX.match(text)
    return text[found.end() :] if found and not _RELATION.search(text, found.end()) else text


def is_mathematical(text: str) -> bool:
    """Whether a text in plain notation is a formula rather than words."""
    if _FOREIGN.search(text) or any(word.lower() not in _KNOWN for word in _WORD.findall(text)):
        return False
    return bool(_MARKS.search(text)) or len(text) == 1


def key(text: str) -> tuple[str, Fraction | None] | None:
    """Comparison form of a short answer in LaTeX or plain notation, with its value where it is one rational number.

    None where the text is not mathematics. A bare list and a set in braces compare without order; tuples,
    intervals and Python-like lists keep theirs.
    """
    if len(text) > latex.MAX_LENGTH:
        return None
    joined = _JOINER.sub(", ", text)
    plain = strip_prefix(latex.plain(joined)).strip()
    if not plain or not is_mathematical(plain):
        return None
    read = formula.evaluate(plain)
    if read is not None:
        value, free = read
        if isinstance(value, Fraction):
            return str(value), value
        shown = formula.show(value)
        if free:
            return f"{free} {shown}", None
        return (shown, None) if shown.startswith("~") else (shown, Fraction(shown))
    sides = plain.split("=")
    if len(sides) > 1 and not re.search(r"[<>≤≥,;]", plain) and (read := formula.evaluate(sides[-1])):
        left = formula.evaluate(sides[0])
        if left and not left[1] and not read[1]:
            return key(sides[-1])
    composed = _composed(plain, 0)
    return (composed, None) if re.search(r"\w|∞|∅", composed) else None


def _composed(text: str, depth: int) -> str:
    """The form of something that is not one expression: parts, relations, or the text itself."""
    text = strip_prefix(text).strip()
    if depth < 6:
        if "∪" in text:
            return "∪".join(sorted(_composed(part, depth + 1) for part in text.split("∪")[:_MAX_PARTS]))
        parts = _split(text)
        if len(parts) > 1:
            return "{" + ",".join(sorted(_composed(part, depth + 1) for part in parts[:_MAX_PARTS])) + "}"
        if text and text[0] in "([{" and text[-1] in ")]}" and _encloses(text):
            return _enclosed(text, depth)
        if "±" in text and text.count("±") == 1:
            signs = [_composed(text.replace("±", sign), depth + 1) for sign in "+-"]
            return "{" + ",".join(sorted(signs)) + "}"
        if _RELATION.search(text):
            return _related(text, depth)
        read = formula.evaluate(text)
        if read is not None:
            return formula.show(read[0])
    return re.sub(r"[\s*]+", "", text).rstrip(".")


def _enclosed(text: str, depth: int) -> str:
    parts = [_composed(part, depth + 1) for part in _split(text[1:-1])[:_MAX_PARTS] if part.strip()]
    if text[0] == "{":
        return "{" + ",".join(sorted(parts)) + "}"
    return text[0] + ",".join(parts) + text[-1]


def _related(text: str, depth: int) -> str:
    pieces = [piece.strip() for piece in _RELATION.split(text.replace("<=", "≤").replace(">=", "≥"))]
    if len(pieces) == 3 and pieces[1] == "=":
        sides = [formula.evaluate(side) for side in (pieces[0], pieces[2])]
        # Without a variable it is a sentence with an equation ("So 2 + 3 = 5"), and its right side counts.
        if sides[0] and sides[1] and _VARIABLE.search(f"{pieces[0]} {pieces[2]}"):
            return "0=" + _proportional(pieces[0], pieces[2])
    if pieces[1] in _FLIPPED:
        pieces = [_FLIPPED.get(piece, piece) for piece in reversed(pieces)]
    if all(mark == "=" for mark in pieces[1::2]):
        return _composed(pieces[-1], depth + 1)
    return "".join(piece if place % 2 else _composed(piece, depth + 1) for place, piece in enumerate(pieces))


def _proportional(left: str, right: str) -> str:
    """The same for an equation and its multiples: the ratio of `left - right` at two points."""
    here = formula.evaluate(f"({left})-({right})")
    there = formula.evaluate(_VARIABLE.sub(r"(\1+0.37)", f"({left})-({right})"))
    if here is None or there is None or abs(complex(here[0])) < 1e-9:
        return "0"
    return formula.show(complex(there[0]) / complex(here[0]))


def _split(text: str) -> list[str]:
    """Parts between the commas and semicolons outside all brackets; thousands separators are no commas."""
    if "," not in text and ";" not in text:
        return [text]
    parts: list[str] = []
    depth = start = 0
    for place, mark in enumerate(text):
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
        elif (
            mark in ",;"
            and depth == 0
            and not (
                mark == ","
                and re.match(r",\d{3}(?!\d)", text[place : place + 5])
                and text[place - 1 : place].isdigit()
            )
        ):
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _encloses(text: str) -> bool:
    depth = 0
    for place, mark in enumerate(text):
        depth += (mark in "([{") - (mark in ")]}")
        if depth == 0 and place < len(text) - 1:
            return False
    return depth == 0
