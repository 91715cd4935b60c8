"""Multiple choice: the options that a question lists, and letters as answers."""

import re
from functools import lru_cache

_LISTED = re.compile(r"(?m)^[ \t>*-]{0,6}\(?([A-Z])(?:[.):]|\*\*[.):])[ \t]*(?:\*\*)?[ \t]*(\S[^\n]{0,600})$")
_INLINE = re.compile(
    r"(?:^|[\s,;])\(([A-Z])\)[ \t]*([^\n()]{1,200}?)(?=[,;]?\s*\([A-Z]\)|\s*$)", re.MULTILINE
)
LETTER = re.compile(
    r"[\s*_`'\"$]{0,5}(?:\\(?:text|mathrm|boxed|textbf)\{)?(?:(?:option|choice|answer|letter)s?\s+)?[\s*_`'\"$]{0,3}"
    r"([(\[{]?)([A-Za-z])(?![A-Za-z0-9'’^_\\])([\s*_`'\"$)\]}]{0,6})",
    re.IGNORECASE,
)
"""An option's letter at the start of a text, with the brackets and marks that go with it."""
_INITIALS = re.compile(r"\.?\s?[A-Z][\w.]*")


@lru_cache(maxsize=128)
def options(question: str) -> dict[str, str]:
    """Letter (upper case) to text of the options that `question` lists, empty where it lists none.

    Options are the last run of consecutive letters from A on, at least two, each on a line of its own
    ("A. …", "(A) …", "A) …") or in a row as "(A) … (B) …".
    """
    for pattern in (_LISTED, _INLINE):
        found: dict[str, str] = {}
        for hit in pattern.finditer(question[-20_000:]):
            letter = hit[1]
            if letter == "A":
                found = {"A": hit[2].strip()}
            elif found and ord(letter) == ord(max(found)) + 1:
                found[letter] = hit[2].strip().rstrip(",;")
        if len(found) >= 2:
            return found
    return {}


def letter(text: str, *, known: dict[str, str] | None = None) -> str | None:
    """The option's letter that `text` is or starts with ("C", "(c)", "C. Paris", "Option C"), else None.

    A bare letter that goes on into prose ("A list of …") is an article, not a choice; with brackets, a full
    stop or a colon behind it, it is a choice. Lower case counts only alone or in brackets.
    """
    text = text.strip()
    found = LETTER.match(text)
    if not found:
        return None
    opening, mark, closing = found.groups()
    rest = text[found.end() :].strip()
    bracketed = ")" in closing or "]" in closing or (bool(opening) and "}" in closing)
    if opening and not bracketed:
        return None
    upper = mark.upper()
    if (mark.islower() and rest and not (opening and bracketed)) or (known and upper not in known):
        return None
    if not rest or (bracketed and rest[0] not in "=+-*/^,"):
        return upper
    return upper if rest[0] in ".:" and not _INITIALS.fullmatch(rest) else None
