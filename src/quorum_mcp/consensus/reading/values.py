"""The value that a piece of text starts with."""

import re
from fractions import Fraction

from quorum_mcp.consensus.reading import dates, formula, latex, numbers
from quorum_mcp.consensus.reading.conclusion import Conclusion
from quorum_mcp.consensus.reading.normal import Context, read

_TICKED = re.compile(r"`([^`\n]{1,600})`")
_MATH = re.compile(
    r"(?<!\\)\$\$?(?![\s$])([^$\n]{1,300}?)(?<![\s\\])\$\$?(?!\d)|\\\(((?:[^\\\n]|\\[^)\n]){1,300})\\\)"
    r"|\\\[((?:[^\\]|\\[^\]]){1,400})\\\]"
)
_QUOTED = re.compile(r"(?<![\w\])])'((?:[^'\\\n]|\\.){0,300})'(?![\w])|\"((?:[^\"\\\n]|\\.){0,300})\"")
_LEADING = re.compile(
    rf"\s*((?:[$€£]\s?)?{numbers.SIGN}\s?(?:[$€£]\s?)?(?:\d{{1,12}}\s?/\s?\d{{1,12}}|{numbers.DECIMAL})(?:\s?\\?%|\s?°)?)"
    r"(?![\w\\^(]|[,.]\d|\s?[*+×÷^−](?!\*)|\s?/\s?\d|\s-\s?\$?\d)"
)
_ARITHMETIC = re.compile(r"\s*([$(]*\d[\d\s$.,+*/×÷·()−-]*[\d)])\s*(?=[.;:]?\s*$|[a-z])")
_NUMBER = re.compile(rf"\s*({numbers.SIGN}\s?(?:{numbers.DECIMAL}))")
_SCIENTIFIC = re.compile(
    rf"\s*({numbers.SIGN}\s?(?:{numbers.DECIMAL}))\s*(?:\\times|×|x|\*|\\cdot)\s*10\s?\^\s?[{{(]?\s?([-−+]?\d{{1,3}})[)}}]?"
)
_UNIT_BEHIND = re.compile(
    r"[\s~]*(?:\\[,;:! ]\s*)*(?:\\(?:mathrm|text|mbox|rm)\b|[A-Za-zΩμ]{1,4}(?:\b|_|\^|/))[^=+]*$"
)
_AFTER = re.compile(r"\s?-?([a-zA-Z°²³/]{1,14}(?:\s?(?:per|/)\s?[a-zA-Z]{1,12})?)")
_CONSTANT = re.compile(r"(True|False|None)\b")


def leading(text: str, about: Context) -> Conclusion | None:
    """The value that `text` starts with: bold, a formula, a literal, a number with its unit, a constant."""
    text = text.lstrip(" \t*_:=")
    if not text:
        return None
    for pattern in (_MATH, _TICKED, _QUOTED):
        if found := pattern.match(text):
            return read(_right(found[0], about), about)
    if (
        text[0] in "[{("
        and (end := _bracket_end(text))
        and (value := read(text[:end], about))
        and value.kind != "phrase"
    ):
        return value
    if found := _CONSTANT.match(text):
        return read(found[1], about)
    if found := dates.PART.match(text):
        return read(found[0], about)
    return _amount(text, about)


def _amount(text: str, about: Context) -> Conclusion | None:
    """The number, quantity or sum of numbers that `text` starts with."""
    if found := _LEADING.match(text):
        number = found[1].strip()
        unit = _AFTER.match(text, found.end())
        if unit and (value := read(f"{number} {unit[1]}", about)) and value.kind == "quantity":
            return value
        return read(number, about)
    if (found := _SCIENTIFIC.match(text)) and (base := numbers.parse(found[1])) is not None:
        return read(str(base * Fraction(10) ** int(found[2].replace("−", "-"))), about)
    if measured(text) and (found := _NUMBER.match(text)):
        return read(found[1], about)
    if not about.code and (found := _ARITHMETIC.match(text[:200])):
        result = formula.evaluate(latex.plain(found[1].replace("$", "")))
        if result is not None:
            return read(formula.show(result[0]), about)
    return None


def measured(text: str) -> bool:
    r"""Whether `text` is a number with a unit in LaTeX behind it (`5 \mathrm{~J} \mathrm{~K}^{-1}`)."""
    found = _SCIENTIFIC.match(text) or _NUMBER.match(text)
    return found is not None and _UNIT_BEHIND.match(text, found.end()) is not None


def _bracket_end(text: str) -> int:
    depth = 0
    for found in re.finditer(r"[\[({\])}]", text[:2000]):
        depth += 1 if found[0] in "[({" else -1
        if depth == 0:
            return found.end()
    return 0


def _right(text: str, about: Context) -> str:
    """The right side of the last equals sign of a formula, or all of it."""
    inner = latex.unwrap(text)
    if about.code or text[:1] in "'\"`" or "=" not in inner or re.search(r"[<>]|\\[lg]eq?", inner):
        return text
    return inner[inner.rindex("=") + 1 :].strip() or text
