"""Answers in a place of their own: behind a CONCLUSION mark, or in a field of JSON."""

import json
import re

_LINE = re.compile(r"(?:^|\n)[\s>*_#`~-]{0,8}(?:final )?conclusion[*_`]{0,3}[ \t]{0,3}[:：]", re.IGNORECASE)
_FIELD = re.compile(r"[\"'](?:final[_ ]?)?(?:answer|conclusion)[\"']\s{0,20}:\s{0,20}", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\s*[\"']?[<\[](?:your|the|short|final|answer|value)\b[^\n]*[>\]]", re.IGNORECASE)
_ESCAPED_COMMAND = re.compile(
    r"(?<!\\)\\(?=frac|tfrac|dfrac|text|times|theta|tan|triangle|to\b|right|rangle|rightarrow|neq|not|begin|binom|bar|beta"
    r"|big|boxed|forall|floor|tau|top|ne\b|nu\b|[()\[\]{}$%,;!]|[ac-eg-mo-qsv-zA-Z])"
)
_NOTHING = re.compile(r"null\b|\"(?:null|n/a|unknown)\"", re.IGNORECASE)
_MAX_VALUE = 4000


def conclusion_line(text: str) -> str | None:
    """What stands behind the last CONCLUSION: mark, on its line or on the next one that is not empty."""
    if "onclusion" not in text and "ONCLUSION" not in text:
        return None
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
    found = None
    for hit in _FIELD.finditer(text) if "nswer" in text or "onclusion" in text or "NSWER" in text else ():
        found = hit
    if found is None:
        return None
    rest = text[found.end() : found.end() + _MAX_VALUE]
    if _NOTHING.match(rest):
        return None
    if not rest.startswith('"'):
        return _bare_value(rest)
    end = _string_end(rest)
    raw = rest[1:end]
    return _unescaped(raw)


def _bare_value(rest: str) -> str | None:
    if rest[:1] in ("[", "{", "("):
        try:
            return rest[: json.JSONDecoder(strict=False).raw_decode(rest)[1]]
        except (ValueError, RecursionError):
            return _balanced(rest)
    if rest[:1] == "'":
        end = re.search(r"'\s*[,}\n]", rest[1:])
        return rest[1 : end.start() + 1] if end else None
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
