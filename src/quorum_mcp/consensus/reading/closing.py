"""How a text ends: its last sentences, and whether they come to a value."""

import re
from typing import NamedTuple

from quorum_mcp.consensus.reading import prose
from quorum_mcp.consensus.reading.conclusion import Conclusion, same
from quorum_mcp.consensus.reading.normal import Context

_SENTENCE = re.compile(r"(?<=[.!?])[*_)\"']{0,3}\s+(?=[A-Z$\\(*\[\d`'\"-])|\n+")
_FENCE = re.compile(r"```\w{0,10}\s{0,4}(?:\{\s{0,8}\"reasoning\"\s?:\s?\"?)?")
_NOISE = re.compile(r"[\s`{}\"*_#>~|$\\\[\]-]*(?:(?:therefore|thus|so|hence)\W*)?", re.IGNORECASE)
_CHECK = re.compile(
    r"(?:^|\n|[.!?]\s)[\s\d.)*-]{0,8}(?:(?:We|You|I|Let's|Let us|To) (?:can )?(?:also )?(?:verify|check|confirm|double-check)|Verif|Check)[^\n]*",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"\b(?:therefore|thus|hence|so|since|total|altogether|in all|finally|result|results|answer|final|conclu\w*|means|leaves?|left|remain\w*"
    r"|must|will|sum|largest|smallest|greatest|least|highest|lowest|maximum|minimum|number of|value|there are|these are|counting"
    r"|difference|average|gives us|we (?:get|have|find))\b",
    re.IGNORECASE,
)
_REMARK = re.compile(r"(?:\W|\d+[.)])*(?:this|that|these|we|note|which|it|here)\b[^\d=]*$", re.IGNORECASE)
_THEREFORE = re.compile(r"(?:\W|\d+[.)]\s)*(?:therefore|thus|hence|so|this means)\b", re.IGNORECASE)
_STATEMENT = re.compile(
    r"[^\d]{3,80}\b(?:is|are|was|were|in|on|equals)\s[^\s]*\d[^\s]*(?:\s[\w°%]+)?[.\s]*$", re.IGNORECASE
)
_DIGITS = re.compile(r"\d[\d.,]*(?!\d*[.)]\s)")
_INFERENCE = ("therefore", "thus", "hence", "so ", "so,", "answer")
_MAX_SENTENCES = 4
_SHORTEST = 40


def sentences(text: str) -> list[str]:
    """The last sentences of `text`, last first, without empty ones, fences and brackets of a wrapper."""
    part = text[-1100:]
    part = (_FENCE.sub("", part) if "```" in part else part).rstrip(' \t\r\n`}"~')
    concluded = max(map(part.lower().rfind, _INFERENCE))
    if (check := _CHECK.search(part, max(concluded, _SHORTEST))) is not None:
        part = part[: check.start() + 1]
    found = [piece.strip() for piece in _SENTENCE.split(part) if not _NOISE.fullmatch(piece)]
    return list(reversed(found))[:_MAX_SENTENCES]


class Ending(NamedTuple):
    """The value that a text ends with.

    Attributes:
        conclusion: the value.
        firm: the last sentence ends an argument with it: by an equation, a word that concludes or by repeating
            what was just computed.
        strict: by an equation or as an inference ("therefore"), which a figure in plain advice never is.
    """

    conclusion: Conclusion
    firm: bool
    strict: bool


def final(text: str, about: Context) -> Ending | None:
    """The value that the last sentences of `text` end with, None where none of them holds one."""
    last = sentences(text)
    for place, sentence in enumerate(last):
        found = prose.value(sentence, about)
        if found is None:
            continue
        value = found.conclusion
        conclusion = Conclusion(value.text, value.key, value.kind, False, value.alias)
        at_end = place == 0 or (place == 1 and _REMARK.match(last[0]) is not None)
        firm = at_end and (_concludes(sentence, found) or _repeats(found, last[place + 1 :], about))
        inferred = found.equation or _THEREFORE.match(sentence) is not None or about.code
        return Ending(conclusion, firm, firm and inferred)
    return None


def _concludes(sentence: str, found: prose.Hit) -> bool:
    """Whether a sentence is one that ends an argument with the value found in it."""
    if found.several:
        return False
    if _THEREFORE.match(sentence) and len(_DIGITS.findall(sentence)) == 1:
        return True
    if found.ends:
        return (
            "=" in sentence
            or "**" in sentence
            or _CUE.search(sentence) is not None
            or _STATEMENT.match(sentence) is not None
        )
    return found.last and found.equation


def _repeats(found: prose.Hit, before: list[str], about: Context) -> bool:
    """Whether the value is what the sentence before computed."""
    if found.several or not before or "=" not in before[0]:
        return False
    earlier = prose.value(before[0], about)
    return earlier is not None and earlier.equation and same(earlier.conclusion, found.conclusion)
