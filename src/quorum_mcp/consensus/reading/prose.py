"""The answer inside a sentence: what stands behind "is", behind the last equals sign, in bold or in quotes."""

import re
from typing import NamedTuple

from quorum_mcp.consensus.reading import code, numbers
from quorum_mcp.consensus.reading.conclusion import Conclusion
from quorum_mcp.consensus.reading.normal import Context, read
from quorum_mcp.consensus.reading.values import leading, measured

_BOLD = re.compile(r"\*\*([^*\n]{1,160})\*\*")
_VERB = re.compile(
    r"\b(?:is|are|was|be|being|equals?|equal to|returns?|returned|outputs?|gives?|gave|yields?|get|gets|becomes?|has|have|had"
    r"|as|of|to|leaving|resulting in|results in|sold|find|obtain|need|needs|spend|spends|costs?|leaves?|takes?|value|answer)\s{1,3}"
    r"(?:also |exactly |simply |just |only |actually |approximately |about |therefore |thus |then |the |a |an |at least |empty ){0,3}"
    r"(?:string |list |value |dictionary |tuple |number )?",
    re.IGNORECASE,
)
_EQUALS = re.compile(
    r"≡|\\equiv(?![a-z])|(?<![<>!=])=(?!=)|≈|\\approx(?![a-z])|\\implies|\\Rightarrow|⇒|→|\\to(?![a-z])"
)
_BEING = re.compile(r"(?:is|are|was|be|equals?)\b", re.IGNORECASE)
_WORD_NUMBER = re.compile(
    r"(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?=[*_]{0,2}(?:\s[a-z]+)?[.]?$)",
    re.IGNORECASE,
)
_MARKER = re.compile(r"[\s>#]{0,6}(?:(?:step\s)?\d{1,3}\s?[.):]\s+|[*•-]\s+)?", re.IGNORECASE)
_CLAUSE = re.compile(
    r",?\s(?:because|since|where|assuming|such that|so that|in order to|to (?:ensure|get|reach|achieve|increase|make)|for which"
    r"|that (?:satisf|meet|fulfil)\w*|which (?:occurs?|is achieved|happens|is (?:the|how|what|why))|occurring|including|given that)\b"
)
_CONDITIONAL = re.compile(
    r"(?:,\s(?:when|as|if|with|for)|\swhen)\s(?!.*(?:=|\b(?:is|are|equals|get|gives)\b))"
)
_ADVERBIAL = re.compile(
    r"(?<=\d)\D{0,60}?(?<!result)(?<!results)(?<!resulting)(?<!need)(?<!needs)(?<!have)(?<!has)(?<!able)(?<!going)(?P<cut>)"
    r"\s(?:to\s[a-z]+|before|after|until|by|in|from|between|than|over|during|on|at|within|for)\s(?=.*(?:\d|\bone\b))"
    r"(?!.*(?:=|\b(?:is|are|was|were|equals?|gives?|gets?|will|has|have|can|needs?|must|earns?|leaving|leaves|resulting|results"
    r"|total|so|which|they|he|she|it|you|we)\b))"
)
_PREAMBLE = re.compile(
    r"(?:(?:so|therefore|thus|hence|and),?\s)?(?:since|if|when|as|because|after|with|once|given|for|by|over|to)\b[^,]{3,160},\s(?=.*\d)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"(?<=\d)(\D{0,40}?)\s\([^()]{3,200}\)(?=[.\s]*$)")
_THERE = re.compile(
    r"\bthere (?:are|is|were|will be|must be|would be)\s(?:\w+ly |a total of |only ){0,2}(?=[*$\\(]{0,4}(?:\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve)\s))",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\\pmod|\(mod|\\[)\]]|\$(?!\d)(?=[\s.,;:)]|$)")
_CONDITION = re.compile(
    r"\b(?:at|when|for|if|with|where|from|that|states?|let)\s+\$?(?:\\\()?\s*[A-Za-z]\w*\s*$", re.IGNORECASE
)
_SEVERAL = re.compile(
    r"=\s*[^=\n]{1,60}?(?:,|\band\b|\bor\b)\s*\$?(?:\\\()?\s*[A-Za-z]\w{0,3}\s*=[^,;]{0,80}$"
)
_UNREAD = re.compile(r"[\\^*/(]")
_FREE = re.compile(r"formula:[A-Za-zα-ω]")
_ENDING = 4
_NUMERAL = re.compile(r"[^\d]{0,4}[\d.,/]+")
_MAX_SENTENCE = 500


class Hit(NamedTuple):
    """A value in a sentence.

    Attributes:
        place: where it starts.
        conclusion: the value.
        ends: whether the sentence is about to end behind it, with no other value of the same standing.
        equation: whether it stands behind an equals sign.
        last: whether no number follows.
        several: whether it is one of several values given side by side.
    """

    place: int
    conclusion: Conclusion
    ends: bool
    equation: bool = False
    last: bool = False
    several: bool = False


def value(text: str, about: Context) -> Hit | None:
    """The most likely answer inside one sentence, None where it holds no value.

    Clauses that only explain ("because …", "which occurs when …") are left out where the rest has a value.
    """
    text = _ASIDE.sub(r"\1", _MARKER.sub("", text.strip(), count=1)[-_MAX_SENTENCE:])
    if about.code:
        return _value(text, about)
    if preamble := _PREAMBLE.match(text):
        found = _pruned(text[preamble.end() :], about)
        if found is not None:
            return found
    return _pruned(text, about)


def _pruned(text: str, about: Context) -> Hit | None:
    """The value in `text` without the clause or phrase that qualifies it, else in all of it."""
    for pattern in (_CLAUSE, _CONDITIONAL, _ADVERBIAL):
        cut = pattern.search(text, 0 if pattern is _ADVERBIAL else 8)
        if cut and (found := _value(text[: cut.start(cut.lastgroup or 0)], about)):
            return found
    return _value(text, about)


def _value(text: str, about: Context) -> Hit | None:
    if found := _bold(text, about):
        return found
    if about.code and (blank := code.empty(text)):
        return Hit(0, blank, True)
    if found := _counted(text, about):
        return found
    signs = _signs(text, about)
    equation = _last_equation(text, signs[-1], about) if signs else None
    behind = _last_object(text, about, signs[-1].end() if signs else 0)
    if behind or equation or signs:
        return behind or equation
    return _last_number(text, about)


def _signs(text: str, about: Context) -> list[re.Match[str]]:
    """The equals signs of a sentence, without those of conditions at its end ("at x = 1")."""
    signs = [] if about.code else list(_EQUALS.finditer(text))
    while signs and _CONDITION.search(text, max(0, signs[-1].start() - 40), signs[-1].start()):
        signs.pop()
    return signs


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


def _last_equation(text: str, hit: re.Match[str], about: Context) -> Hit | None:
    """What stands behind the last equals sign `hit`."""
    rest = text[hit.end() :].strip().rstrip(".")
    closed = _CLOSING.split(rest, maxsplit=1)
    behind = closed[1] if len(closed) > 1 else ""
    rest = closed[0].rstrip(" ✓✔").strip().rstrip(".,")
    if rest.count(")") > rest.count("("):
        rest = rest.rstrip(") ")
    if not rest or len(rest) > 200:
        return None
    several = bool(_SEVERAL.search(text[max(0, hit.end() - 200) : hit.end()]))
    whole = read(rest, about)
    if whole is not None and whole.kind not in ("phrase", "truth"):
        whole = _usable(whole, about)
        ends = len(behind.split()) <= _ENDING
        return Hit(hit.end(), whole, ends and not several, True, True, several) if whole else None
    start = _usable(leading(rest, about), about)
    number = _NUMERAL.match(rest)
    if start is None or (number and _UNREAD.search(rest, number.end()) and not measured(rest)):
        return None
    last = number is not None and not re.search(r"\d", rest[number.end() :] + behind)
    ends = len(rest.split()) + len(behind.split()) <= _ENDING + 2
    return Hit(hit.end(), start, ends and not several, True, last, several)


def _last_object(text: str, about: Context, start: int) -> Hit | None:
    """The last formula, literal or constant of the sentence that stands behind a verb such as "is" or "returns"."""
    for hit in reversed(list(_VERB.finditer(text, start))[-8:]):
        rest = text[hit.end() : hit.end() + 600]
        word = _WORD_NUMBER.match(rest) if _BEING.match(hit[0]) else None
        found = _usable(read(word[1], about) if word and not about.code else leading(rest, about), about)
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
