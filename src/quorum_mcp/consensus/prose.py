"""The answer inside a sentence: what stands behind "is", behind the last equals sign, in bold or in quotes."""

import re
from collections.abc import Iterator

from quorum_mcp.consensus import dates, latex, numbers
from quorum_mcp.consensus.normal import Conclusion, Context, read

_BOLD = re.compile(r"\*\*([^*\n]{1,160})\*\*")
_TICKED = re.compile(r"`([^`\n]{1,600})`")
_MATH = re.compile(
    r"\$\$?([^$\n]{1,300})\$\$?|\\\(((?:[^\\\n]|\\[^)\n]){1,300})\\\)|\\\[((?:[^\\]|\\[^\]]){1,400})\\\]"
)
_QUOTED = re.compile(r"(?<![\w\])])'((?:[^'\\\n]|\\.){0,300})'(?![\w])|\"((?:[^\"\\\n]|\\.){0,300})\"")
_VERB = re.compile(
    r"\b(?:is|are|was|be|equals?|equal to|returns?|returned|outputs?|gives?|yields?|get|becomes?|has|have|had|as|of|to|in|at)\s{1,3}"
    r"(?:also |exactly |simply |just |approximately |about |therefore |the )?(?:string |list |value |dictionary |tuple |number )?",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"=|≈|\\approx(?![a-z])|\\implies|\\Rightarrow|⇒|→|\\to(?![a-z])")
_LEADING = re.compile(
    rf"\s*((?:[$€£]\s?)?{numbers.SIGN}\s?(?:\d{{1,12}}\s?/\s?\d{{1,12}}|{numbers.DECIMAL})(?:\s?%|\s?°)?)(?![\w\\^/*+(])"
)
_AFTER = re.compile(r"\s?-?([a-zA-Z°²³/]{1,14}(?:\s?(?:per|/)\s?[a-zA-Z]{1,12})?)")
_CONSTANT = re.compile(r"(True|False|None)\b")
_SENTENCE = re.compile(r"(?<=[.!?])[*_)\"']{0,3}\s+(?=[A-Z$\\(*\[\d`'\"-])|\n+")
_NOISE = re.compile(r"[\s`{}\"*_#>~|-]*")
_MAX_SENTENCES = 4


def sentences(text: str) -> list[str]:
    """The last sentences of `text`, last first, without empty ones, fences and brackets of a wrapper."""
    part = text[-1500:].rstrip(' \t\r\n`}"~')
    found = [piece.strip() for piece in _SENTENCE.split(part) if not _NOISE.fullmatch(piece)]
    return list(reversed(found))[:_MAX_SENTENCES]


def leading(text: str, about: Context) -> Conclusion | None:
    """The value that `text` starts with: a box, bold, a formula, a literal, a number with its unit, a constant."""
    text = text.lstrip(" \t*_:=")
    if not text:
        return None
    for pattern in (_MATH, _TICKED, _QUOTED):
        if found := pattern.match(text):
            return read(_right(found[0], about), about)
    if text[0] in "[{(" and (end := _bracket_end(text)) and (value := read(text[:end], about)):
        return value
    if found := _CONSTANT.match(text):
        return read(found[1], about)
    if found := dates.PART.match(text):
        return read(found[0], about)
    if found := _LEADING.match(text):
        number = found[1].strip()
        if (
            (unit := _AFTER.match(text, found.end()))
            and (value := read(f"{number} {unit[1]}", about))
            and value.kind == "quantity"
        ):
            return value
        return read(number, about)
    return None


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


def value(text: str, about: Context) -> Conclusion | None:
    """The most likely answer inside one sentence, None where it holds no value."""
    text = text.strip()
    for candidate in _candidates(text, about):
        if candidate is not None and candidate.kind not in ("phrase",):
            return candidate
    return None


def _candidates(text: str, about: Context) -> Iterator[Conclusion | None]:
    bold = _BOLD.findall(text)
    if bold and not bold[-1].rstrip().endswith(":"):
        yield read(bold[-1], about) or None
        yield value(bold[-1], about) if len(bold[-1]) < len(text) - 3 else None
    yield _last_equation(text, about)
    yield _last_object(text, about)
    yield _last_number(text, about)


def _last_equation(text: str, about: Context) -> Conclusion | None:
    """What stands behind the last equals sign, where the sentence ends with it."""
    hit = None
    for hit in _EQUALS.finditer(text):
        pass
    if hit is None or about.code:
        return None
    rest = text[hit.end() :].strip().rstrip(".")
    rest = re.sub(r"\\[)\]]|\$|\s*✓$", "", rest).strip()
    if not rest or len(rest) > 200:
        return None
    whole = read(rest, about)
    if whole is not None and whole.kind not in ("phrase", "truth"):
        return whole
    return leading(rest, about)


def _last_object(text: str, about: Context) -> Conclusion | None:
    """The last formula, literal or constant of the sentence that stands behind a verb such as "is" or "returns"."""
    best = None
    for hit in _VERB.finditer(text):
        found = leading(text[hit.end() : hit.end() + 600], about)
        if found is not None and found.kind != "phrase":
            best = found
    return best


def _last_number(text: str, about: Context) -> Conclusion | None:
    hits = list(numbers.NUMBER.finditer(text))
    if not hits or about.code:
        return None
    return leading(text[hits[-1].start() :], about)
