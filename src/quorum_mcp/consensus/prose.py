"""The answer inside a sentence: what stands behind "is", behind the last equals sign, in bold or in quotes."""

import re
from typing import NamedTuple

from quorum_mcp.consensus import code, dates, formula, latex, numbers
from quorum_mcp.consensus.conclusion import Conclusion
from quorum_mcp.consensus.normal import Context, read

_BOLD = re.compile(r"\*\*([^*\n]{1,160})\*\*")
_TICKED = re.compile(r"`([^`\n]{1,600})`")
_MATH = re.compile(
    r"(?<!\\)\$\$?(?![\s$])([^$\n]{1,300}?)(?<![\s\\])\$\$?(?!\d)|\\\(((?:[^\\\n]|\\[^)\n]){1,300})\\\)"
    r"|\\\[((?:[^\\]|\\[^\]]){1,400})\\\]"
)
_QUOTED = re.compile(r"(?<![\w\])])'((?:[^'\\\n]|\\.){0,300})'(?![\w])|\"((?:[^\"\\\n]|\\.){0,300})\"")
_VERB = re.compile(
    r"\b(?:is|are|was|be|being|equals?|equal to|returns?|returned|outputs?|gives?|gave|yields?|get|gets|becomes?|has|have|had"
    r"|as|of|to|in|at|by|there are|sold|find|obtain|need|needs|spend|spends|costs?|leaves?|takes?|value|answer)\s{1,3}"
    r"(?:also |exactly |simply |just |only |actually |approximately |about |therefore |thus |then |the |a |an |at least |empty ){0,3}"
    r"(?:string |list |value |dictionary |tuple |number )?",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"(?<![<>!=])=(?!=)|≈|\\approx(?![a-z])|\\implies|\\Rightarrow|⇒|→|\\to(?![a-z])")
_LEADING = re.compile(
    rf"\s*((?:[$€£]\s?)?{numbers.SIGN}\s?(?:[$€£]\s?)?(?:\d{{1,12}}\s?/\s?\d{{1,12}}|{numbers.DECIMAL})(?:\s?\\?%|\s?°)?)"
    r"(?![\w\\^*/+(]|\s?[*/+×÷^−](?!\*)|\s-\s?\$?\d)"
)
_ARITHMETIC = re.compile(r"\s*([$(]*\d[\d\s$.,+*/×÷·()−-]*[\d)])\s*(?=[.;:]?\s*$|[a-z])")
_AFTER = re.compile(r"\s?-?([a-zA-Z°²³/]{1,14}(?:\s?(?:per|/)\s?[a-zA-Z]{1,12})?)")
_WORD_NUMBER = re.compile(
    r"(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?=[*_]{0,2}(?:\s[a-z]+)?[.]?$)",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"(True|False|None)\b")
_SENTENCE = re.compile(r"(?<=[.!?])[*_)\"']{0,3}\s+(?=[A-Z$\\(*\[\d`'\"-])|\n+")
_FENCE = re.compile(r"```\w{0,10}\s{0,4}(?:\{\s{0,8}\"reasoning\"\s?:\s?\"?)?")
_NOISE = re.compile(r"[\s`{}\"*_#>~|$\\\[\]-]*")
_CHECK = re.compile(
    r"(?:^|\n|[.!?]\s)[\s\d.)*-]{0,8}(?:(?:We|You|I|Let's|Let us|To) (?:can )?(?:also )?(?:verify|check|confirm|double-check)|Verif|Check)[^\n]*",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"\b(?:therefore|thus|hence|so|total|altogether|in all|finally|result|results|answer|final|conclu\w*|means|leaves?|left|remain\w*"
    r"|must|will|sum|largest|smallest|greatest|least|highest|lowest|maximum|minimum|number of|value|there are|these are|counting"
    r"|difference|average|gives us|we (?:get|have|find))\b",
    re.IGNORECASE,
)
_THEREFORE = re.compile(r"(?:\W|\d+[.)]\s)*(?:therefore|thus|hence|so|this means)\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d[\d.,]*(?!\d*[.)]\s)")
_REMARK = re.compile(r"(?:\W|\d+[.)])*(?:this|that|these|we|note|which|it|here)\b[^\d=]*$", re.IGNORECASE)
_MARKER = re.compile(r"(?:[\s>*#-]{0,6}(?:step\s)?\d{1,3}\s?[.):]\s+|[\s>*#•-]{1,6})", re.IGNORECASE)
_CLAUSE = re.compile(
    r",?\s(?:because|since|where|assuming|such that|so that|in order to|to (?:ensure|get|reach|achieve|increase|make)|for which"
    r"|that (?:satisf|meet|fulfil)\w*|which (?:occurs?|is achieved|happens)|occurring|including|given that)\b"
)
_CONDITIONAL = re.compile(
    r"(?:,\s(?:when|as|if|with|for)|\swhen)\s(?!.*(?:=|\b(?:is|are|equals|get|gives)\b))"
)
_ASIDE = re.compile(r"(?<=\d)(\D{0,40}?)\s\([^()]{3,200}\)(?=[.\s]*$)")
_THERE = re.compile(
    r"\bthere (?:are|is|were|will be|must be|would be)\s(?:\w+ly |a total of |only ){0,2}(?=[*$\\(]{0,4}\d)",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\\[)\]]|\$(?!\d)(?=[\s.,;:)]|$)")
_CONDITION = re.compile(
    r"\b(?:at|when|for|if|with|where|from|that|states?|let)\s+\$?(?:\\\()?\s*[A-Za-z]\w*\s*$", re.IGNORECASE
)
_SEVERAL = re.compile(
    r"\b[A-Za-z]\w{0,3}\s*=\s*[^=\n]{1,60}(?:,|\band|\bor)\s*\$?(?:\\\()?\s*[A-Za-z]\w{0,3}\s*=$"
)
_FREE = re.compile(r"formula:[A-Za-zα-ω]")
_ENDING = 4
_REASONED = 150
_MAX_SENTENCES = 5


def sentences(text: str) -> list[str]:
    """The last sentences of `text`, last first, without empty ones, fences and brackets of a wrapper."""
    part = _FENCE.sub("", text[-1600:]).rstrip(' \t\r\n`}"~')
    check = None
    for check in _CHECK.finditer(part, len(part) // 4):
        break
    if check is not None and check.start() > 40:
        part = part[: check.start() + 1]
    found = [piece.strip() for piece in _SENTENCE.split(part) if not _NOISE.fullmatch(piece)]
    return list(reversed(found))[:_MAX_SENTENCES]


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
    if (found := _WORD_NUMBER.match(text)) and not about.code:
        return read(found[1], about)
    return _amount(text, about)


def _amount(text: str, about: Context) -> Conclusion | None:
    """The number, quantity or sum of numbers that `text` starts with."""
    if found := _LEADING.match(text):
        number = found[1].strip()
        unit = _AFTER.match(text, found.end())
        if unit and (value := read(f"{number} {unit[1]}", about)) and value.kind == "quantity":
            return value
        return read(number, about)
    if not about.code and (found := _ARITHMETIC.match(text[:200])):
        result = formula.evaluate(latex.plain(found[1].replace("$", "")))
        if result is not None:
            return read(formula.show(result[0]), about)
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


class Hit(NamedTuple):
    """A value in a sentence: where it starts, and whether the sentence is about to end behind it."""

    place: int
    conclusion: Conclusion
    ends: bool


def value(text: str, about: Context) -> Hit | None:
    """The most likely answer inside one sentence, None where it holds no value.

    Clauses that only explain ("because …", "which occurs when …") are left out where the rest has a value.
    """
    text = _ASIDE.sub(r"\1", _MARKER.sub("", text.strip(), count=1))
    if not about.code:
        for clause in (_CLAUSE.search(text, 8), _CONDITIONAL.search(text, 8)):
            if clause and (found := _value(text[: clause.start()], about)):
                return found
    return _value(text, about)


def _value(text: str, about: Context) -> Hit | None:
    if found := _bold(text, about):
        return found
    if about.code and (blank := code.empty(text)):
        return Hit(0, blank, True)
    if found := _counted(text, about):
        return found
    hits = [hit for hit in (_last_equation(text, about), _last_object(text, about)) if hit]
    if hits:
        return max(hits, key=lambda hit: hit.place)
    return _last_number(text, about)


def _usable(found: Conclusion | None, about: Context) -> Conclusion | None:
    """Words say nothing by themselves here, letters are mostly names, and a term in variables is a step."""
    if found is None or found.kind == "phrase" or (found.kind == "choice" and not about.options):
        return None
    return None if found.kind == "formula" and _FREE.match(found.key) else found


def _bold(text: str, about: Context) -> Hit | None:
    bold = _BOLD.findall(text)
    if not bold or bold[-1].rstrip().endswith(":"):
        return None
    whole = read(bold[-1], about)
    if whole is not None and whole.kind != "phrase":
        return Hit(0, whole, True)
    return _value(bold[-1], about) if len(bold[-1]) < len(text) - 3 else None


def _counted(text: str, about: Context) -> Hit | None:
    found = _THERE.search(text)
    if found is None or "=" in text[found.end() :]:
        return None
    conclusion = leading(text[found.end() :], about)
    return (
        Hit(found.end(), conclusion, True)
        if conclusion and conclusion.kind in ("number", "quantity")
        else None
    )


def _last_equation(text: str, about: Context) -> Hit | None:
    """What stands behind the last equals sign that is no condition ("at x = 1")."""
    if about.code:
        return None
    signs = list(_EQUALS.finditer(text))
    while signs and _CONDITION.search(text, max(0, signs[-1].start() - 40), signs[-1].start()):
        signs.pop()
    if not signs:
        return None
    hit = signs[-1]
    rest = text[hit.end() :].strip().rstrip(".")
    closed = _CLOSING.split(rest, maxsplit=1)
    behind = closed[1] if len(closed) > 1 else ""
    rest = closed[0].rstrip(" ✓✔").strip().rstrip(".,")
    if rest.count(")") > rest.count("("):
        rest = rest.rstrip(") ")
    if not rest or len(rest) > 200:
        return None
    several = bool(_SEVERAL.search(text[: hit.end()]))
    whole = _usable(read(rest, about), about)
    if whole is not None and whole.kind != "truth":
        return Hit(hit.end(), whole, len(behind.split()) <= _ENDING and not several)
    start = _usable(leading(rest, about), about)
    ends = len(rest.split()) + len(behind.split()) <= _ENDING + 2 and not several
    return Hit(hit.end(), start, ends) if start else None


def _last_object(text: str, about: Context) -> Hit | None:
    """The last formula, literal or constant of the sentence that stands behind a verb such as "is" or "returns"."""
    for hit in reversed(list(_VERB.finditer(text))[-8:]):
        rest = text[hit.end() : hit.end() + 600]
        found = _usable(leading(rest, about), about)
        if found is not None:
            return Hit(hit.end(), found, len(rest.split()) <= _ENDING + 4)
    return None


def _last_number(text: str, about: Context) -> Hit | None:
    if about.code:
        return None
    for hit in reversed(list(numbers.NUMBER.finditer(text))[-3:]):
        rest = text[hit.start() :]
        found = _usable(leading(rest, about), about)
        if found is not None:
            return Hit(hit.start(), found, len(rest.split()) <= _ENDING + 2)
    return None


def final(text: str, about: Context) -> tuple[Conclusion, bool] | None:
    """The value that the last sentences of `text` end with.

    The flag says whether that is firm: it ends the last sentence, or the one before where the last holds no
    value, behind an equals sign or with a word that concludes.
    """
    last = sentences(text)
    for place, sentence in enumerate(last):
        found = value(sentence, about)
        if found is not None:
            conclusion = found.conclusion
            at_end = place == 0 or (place == 1 and _REMARK.match(last[0]) is not None)
            plain = len(text) >= _REASONED and conclusion.kind != "formula"
            firm = at_end and plain and _concludes(sentence, found)
            return Conclusion(conclusion.text, conclusion.key, conclusion.kind, False, conclusion.alias), firm
    return None


def _concludes(sentence: str, found: Hit) -> bool:
    """Whether a sentence is one that ends an argument with the value found in it."""
    if _THEREFORE.match(sentence) and len(_DIGITS.findall(sentence)) == 1:
        return True
    return found.ends and ("=" in sentence or "**" in sentence or _CUE.search(sentence) is not None)
