"""Numbers as people write them: thousands separators, fractions, powers of ten, words."""

import re
from fractions import Fraction

DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
SIGN = r"[-+−–]?"
NUMBER = re.compile(rf"(?<![\w.^_/(])(?<!\^[+-])({SIGN}\s?(?:{DECIMAL}))(?![\d])")
"""A plain number inside a text; the sign belongs to it only where no word stands right before."""

_WHOLE = re.compile(rf"({SIGN})\s?({DECIMAL})(?:[eE]([-+]?\d{{1,3}}))?")
_SPACED = re.compile(r"[-+−–]?\d{1,3}(?:[ \u2009\u202f\xa0]\d{3})+(?:\.\d+)?")
_RATIO = re.compile(r"([-+−–]?)\s?(\d{1,15})\s?[/⁄]\s?(\d{1,15})")
_MIXED = re.compile(r"([-+−–]?)\s?(\d{1,15})[ -](\d{1,9})\s?[/⁄]\s?(\d{1,9})")
_MAGNITUDES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALED = re.compile(rf"({SIGN}\s?(?:{DECIMAL}))\s?({'|'.join(_MAGNITUDES)})s?", re.IGNORECASE)
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8", "⅙": "1/6"}
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * (place + 2) for place, word in enumerate(_TENS)
}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_MAX_DIGITS = 400


def parse(text: str) -> Fraction | None:
    """The exact value of `text` where all of it is one number (1,234.5; -3/4; 2 1/2; 1e3; twelve), else None."""
    text = text.strip()
    if not text or len(text) > _MAX_DIGITS:
        return None
    if text[-1] in _VULGAR:
        whole, part = text[:-1].strip(), Fraction(_VULGAR[text[-1]])
        base = parse(whole) if whole else Fraction(0)
        return None if base is None else base + (part if base >= 0 else -part)
    if _SPACED.fullmatch(text):
        text = "".join(text.split())
    if found := _WHOLE.fullmatch(text):
        value = Fraction(found[2].replace(",", "")) * Fraction(10) ** int(found[3] or 0)
        return _signed(found[1], value)
    if (found := _MIXED.fullmatch(text)) and int(found[4]):
        return _signed(found[1], int(found[2]) + Fraction(int(found[3]), int(found[4])))
    if (found := _RATIO.fullmatch(text)) and int(found[3]):
        return _signed(found[1], Fraction(int(found[2]), int(found[3])))
    if (found := _SCALED.fullmatch(text)) and (base := parse(found[1])) is not None:
        return base * _MAGNITUDES[found[2].lower()]
    return words(text) if text[0].isalpha() else None


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign and sign in "-−–" else value


def words(text: str) -> Fraction | None:
    """The value of a number written in words ("forty-two", "two thirds", "minus three"), else None."""
    tokens = re.split(r"[\s-]+", text.lower().strip())
    if not tokens or len(tokens) > 12:
        return None
    if tokens[0] in ("minus", "negative") and len(tokens) > 1:
        value = words(" ".join(tokens[1:]))
        return None if value is None else -value
    part = tokens[-1].removesuffix("s") if tokens[-1] != "halves" else "half"
    if len(tokens) == 2 and part in _PARTS and tokens[0] in (*_WORDS, "a"):
        return Fraction(_WORDS.get(tokens[0], 1), _PARTS[part])
    return _cardinal(tokens)


def _cardinal(tokens: list[str]) -> Fraction | None:
    total, group = 0, 0
    for word in tokens:
        if word == "and" and (total or group):
            continue
        if word in _WORDS:
            group += _WORDS[word]
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in _MAGNITUDES:
            total, group = total + (group or 1) * _MAGNITUDES[word], 0
        else:
            return None
    return Fraction(total + group)


def show(value: Fraction) -> str:
    """`value` as a comparison key shows it: an integer, else a fraction in lowest terms."""
    return str(value)
