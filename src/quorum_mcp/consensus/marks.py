"""Where a text announces its answer: a CONCLUSION line, a JSON field, a box, "the answer is"."""

import json
import re

from quorum_mcp.consensus import latex, literals

_LINE = re.compile(r"(?:^|\n)[\s>*_#`~-]{0,8}(?:final )?conclusion[*_`]{0,3}[ \t]{0,3}[:：]", re.IGNORECASE)
_FIELD = re.compile(r"[\"'](?:final[_ ]?)?(?:answer|conclusion)[\"']\s{0,20}:\s{0,20}", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\s*[\"']?[<\[](?:your|the|short|final|answer|value)\b[^\n]*[>\]]", re.IGNORECASE)
_ESCAPED_COMMAND = re.compile(
    r"(?<!\\)\\(?=frac|tfrac|dfrac|text|times|theta|tan|triangle|to\b|right|rangle|rightarrow|neq|not|begin|binom|bar|beta"
    r"|big|boxed|forall|floor|tau|top|ne\b|nu\b|[()\[\]{}$%,;!]|[ac-eg-mo-qsv-zA-Z])"
)
_ANSWER = re.compile(
    r"\banswer(?:\s+(?:to|for|of)\s[^.\n:]{1,80}?)?[*_]{0,3}\s{0,3}"
    r"(?:(?:is|would be|should be|must be|will be|:|：)[*_]{0,3}\s{0,4})+"
    r"(?:(?:therefore|thus|indeed|clearly|simply|closest to|option|choice)\s)?"
    r"|\b(?:correct|best|right) (?:choice|option|statement)\s+is:?\s",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:^|\n)[\s*_#>]{0,6}(?:so|hence|therefore|thus|result|final)[*_]{0,2}\s?:[*_]{0,2}[ \t]{0,3}(?=\S)",
    re.IGNORECASE,
)
_HENCE = re.compile(r"\b(?:hence|so|therefore|thus)[*_,:]{0,3}\s{1,4}(?:[:=]\s{0,3})?", re.IGNORECASE)
_NEXT_QUESTION = re.compile(r"\n\s{0,8}(?:question|q)\s{0,3}\d{0,4}\s{0,3}[:.]", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\n|(?:(?<=[.?。])|(?<=[a-z]!))(?<![A-Z][.])(?=\s|$|\*\*|\")|[.]\Z")
_HEAD, _TAIL = 1500, 6000
_MAX_VALUE = 4000


def last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last match of `pattern` in `text`."""
    found = None
    for found in pattern.finditer(text):
        pass
    return found


def conclusion_line(text: str) -> str | None:
    """What stands behind the last CONCLUSION: mark, on its line or on the next one that is not empty."""
    found = next(
        (hit for hit in reversed(list(_LINE.finditer(text))) if not _PLACEHOLDER.match(text, hit.end())), None
    )
    if found is None:
        return None
    rest = text[found.end() : found.end() + _MAX_VALUE].lstrip(" \t*_")
    if not rest.strip():
        return None
    rest = rest.lstrip()
    if rest.startswith("```"):
        rest = rest.split("```", 2)[1].partition("\n")[2] or rest.strip("`")
        return rest.strip()
    line = rest.partition("\n")[0]
    if line.count("{") + line.count("[") + line.count("(") > line.count("}") + line.count("]") + line.count(
        ")"
    ):
        return _balanced(rest) or line
    return line


def _balanced(text: str) -> str | None:
    """The shortest start of `text` that ends with its outermost bracket closed."""
    depth = 0
    for found in re.finditer(r"[\[({\])}]", text[:_MAX_VALUE]):
        depth += 1 if found[0] in "[({" else -1
        if depth == 0:
            return text[: found.end()]
    return None


def json_answer(text: str) -> str | None:
    """The value of the last "answer" field, as the text that it holds, also in JSON that is broken."""
    found = last(_FIELD, text)
    if found is None:
        return None
    rest = text[found.end() : found.end() + _MAX_VALUE]
    if not rest.startswith('"'):
        return _bare_value(rest)
    end = _string_end(rest)
    raw = rest[1:end]
    return _unescaped(raw)


def _bare_value(rest: str) -> str | None:
    if rest[:1] in "[({":
        return _balanced(rest)
    if rest[:1] == "'":
        end = re.search(r"'\s*[,}\n]", rest)
        return rest[: end.start() + 1] if end else None
    return re.split(r"[\n}]|,\s", rest, maxsplit=1)[0].strip() or None


def _string_end(rest: str) -> int:
    """Where the string that opens `rest` ends: at a quote that the object's grammar can go on from."""
    first = -1
    for found in re.finditer(r'\\.|"', rest[1:], re.DOTALL):
        if found[0] != '"':
            continue
        end = found.start() + 1
        first = end if first < 0 else first
        if re.match(r'"\s*(?:\}|$|```|,\s*")', rest[end:]):
            return end
    return first if first > 0 else (rest.find("\n") if "\n" in rest else len(rest))


def _unescaped(raw: str) -> str:
    """JSON escapes resolved; LaTeX commands whose backslash was not doubled are kept whole."""
    for attempt in (raw, _ESCAPED_COMMAND.sub(r"\\\\", raw)):
        if attempt is raw and "\\\\" not in raw and _ESCAPED_COMMAND.search(raw):
            continue
        try:
            return str(json.loads(f'"{attempt}"', strict=False))
        except ValueError:
            continue
    return raw.replace('\\"', '"')


def boxed(text: str) -> tuple[str, int] | None:
    r"""What the last \boxed{…} holds, and where it ends."""
    place = len(text)
    for _ in range(3):
        place = max(text.rfind("\\boxed", 0, place), text.rfind("\\fbox", 0, place))
        if place < 0:
            return None
        start = text.find("{", place, place + 12)
        end = latex.group_end(text, start) if start > 0 else -1
        if end > 0:
            inner = text[start + 1 : end - 1].strip()
            while inner.startswith("{") and inner.endswith("}") and latex.group_end(inner, 0) == len(inner):
                inner = inner[1:-1].strip()
            if inner:
                return inner, end
    return None


def own_part(text: str) -> str:
    """`text` up to where, its answer given, it goes on with a new question of its own making."""
    found = _NEXT_QUESTION.search(text)
    if (
        found
        and found.start() > 0
        and (_ANSWER.search(text, 0, found.start()) or "\\boxed" in text[: found.start()])
    ):
        return text[: found.start()]
    return text


def window(text: str) -> str:
    """The parts of a long text in which announcements are looked for: its start and its end."""
    if len(text) <= _HEAD + _TAIL:
        return text
    return text[:_HEAD] + "\n" + text[-_TAIL:]


def announcements(text: str) -> list[re.Match[str]]:
    """All places where an answer is announced in words, first to last: "the answer is", "So:", "hence"."""
    hits = [hit for pattern in (_ANSWER, _LABEL, _HENCE) for hit in pattern.finditer(text)]
    return sorted(hits, key=lambda hit: (hit.end(), hit.start()))


def answers(text: str) -> list[re.Match[str]]:
    """The places that announce an answer outright, first to last: "the answer is", "So:" at the start of a line."""
    hits = [hit for pattern in (_ANSWER, _LABEL) for hit in pattern.finditer(text)]
    return sorted(hits, key=lambda hit: hit.end())


def hence(text: str) -> list[re.Match[str]]:
    """The places of "hence", "so", "therefore" and "thus", first to last."""
    return list(_HENCE.finditer(text))


def sentence(text: str, start: int) -> str:
    """`text` from `start`, or from the next line that is not empty, to the end of the sentence or line."""
    part = text[start : start + literals.MAX_LENGTH]
    if not part.partition("\n")[0].strip(" *_:"):
        part = part.lstrip(" *_:\r\n")
    if part.lstrip().startswith(("```", '{"', "{\n")):
        return ""
    end = _SENTENCE_END.search(part)
    return part[: end.start()] if end else part
