"""A short answer brought to one form: what is shown, and the key that equal answers share.

Choices made here:
* `50%` is the number 1/2 and may also be meant as 50; `0.5` and `50` never meet.
* A unit is compared by value (5 km = 5000 m); the bare number 5 agrees with either, since answers often leave
  out the unit that the question gave. Nouns that are no unit (47 pets) are dropped.
* yes and true are the same, and so are no and false.
* Letters A to J alone are choices; in a question with options every listed letter is, and so is an option's text.
* A quoted string compares with its case but without white space, as layout differs freely; plain words compare without case, articles and punctuation.
"""

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.consensus.reading import choices, code, dates, expression, latex, literals, numbers, units
from quorum_mcp.consensus.reading.conclusion import Conclusion

AnswerFormat = Literal["auto", "choice", "number", "text"]


class Context(Struct, frozen=True):
    """What the question says about the form of its answer."""

    options: dict[str, str]
    option_keys: dict[str, str]
    code: bool
    percent: bool
    question: str
    format: AnswerFormat


_PERCENT = re.compile(r"\bpercent|%", re.IGNORECASE)
_TRUTH = {"yes": True, "true": True, "no": False, "false": False}
_NOUN = re.compile(
    rf"([$€£]?\s?{numbers.SIGN}\s?(?:{numbers.DECIMAL}|\d+\s?/\s?\d+)\s?%?)\s+(?:more |additional |total |extra )?([a-z][a-z' -]{{1,60}})",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?:approximately|approx\.?|about|around|roughly|nearly|exactly|[~≈])\s?(?=[$€£]?\s?[-−]?\d)",
    re.IGNORECASE,
)
_QUOTES = "\"'`“”‘’"
_EDGES = " \t\r\n*_`"
MAX_PHRASE = 300
_MAX_NOUN_WORDS = 5


@lru_cache(maxsize=64)
def context(question: str | None, answer_format: AnswerFormat = "auto") -> Context:
    """What `question` (None: unknown) and the wanted format say about the answer's form."""
    question = question or ""
    listed = choices.options(question) if answer_format in ("auto", "choice") else {}
    bare = Context({}, {}, False, False, "", "auto")
    keys: dict[str, str] = {}
    for mark, option in listed.items():
        read_option = read(option, bare)
        if read_option is not None:
            keys.setdefault(read_option.key, mark)
    asked = question[-6000:]
    return Context(
        listed, keys, not listed and code.is_about(asked), bool(_PERCENT.search(asked)), asked, answer_format
    )


def tidy(text: str) -> str:
    """`text` without markdown, math delimiters and the punctuation around a short answer."""
    for _ in range(4):
        before = text
        text = text.strip(_EDGES)
        if text[:1] == ":":
            text = text[1:]
        if text[-1:] in (".", ",", ";", ":", "。") and not text.endswith("..."):
            text = text[:-1]
        text = latex.unwrap(text)
        if text == before:
            break
    return text


def read(text: str, about: Context, *, exact: bool = False) -> Conclusion | None:
    """The conclusion that `text` is, all of it; None where it is empty or too long for a short answer.

    `exact`: nothing but the answer stands in `text`, so that of code every character counts.
    """
    if about.code and about.format in ("auto", "text"):
        return code.read(text, exact=exact)
    text = tidy(text)
    if hedge := _HEDGE.match(text):
        text = text[hedge.end() :]
    if not text or len(text) > literals.MAX_LENGTH:
        return None
    for reader in _READERS:
        found = reader(text, about)
        if found is not None:
            break
    else:
        return None
    if about.options and found.kind != "choice" and (mark := _option(found, about)):
        found = Conclusion(mark, f"choice:{mark}", "choice")
    if not _fits(found, about.format):
        return None
    return found


def _fits(found: Conclusion, wanted: AnswerFormat) -> bool:
    if wanted == "choice":
        return found.kind in ("choice", "truth")
    if wanted == "number":
        return found.kind in ("number", "quantity", "formula")
    return True


def _option(found: Conclusion, about: Context) -> str | None:
    return about.option_keys.get(found.key) or (about.option_keys.get(found.alias) if found.alias else None)


def _choice(text: str, about: Context) -> Conclusion | None:
    if about.format in ("number", "text"):
        return None
    if about.options or about.format == "choice":
        mark = choices.letter(text, known=about.options or None)
    else:
        mark = choices.letter(text) if len(text) < 200 else None
        if mark and (mark > "J" or (text[0].islower() and len(text) > 1)):
            return None
    return Conclusion(mark, f"choice:{mark}", "choice") if mark else None


def _truth(text: str, _about: Context) -> Conclusion | None:
    word = text.strip(_QUOTES).lower()
    if word not in _TRUTH:
        return None
    return Conclusion(text.strip(_QUOTES), f"truth:{'yes' if _TRUTH[word] else 'no'}", "truth")


def _literal(text: str, about: Context) -> Conclusion | None:
    parsed = literals.parse(text)
    if parsed is None:
        return None
    value: Any = parsed[0]
    if isinstance(value, str):
        inner = read(value, about) if value.strip() else None
        if inner is not None and (text[0] == '"' or inner.kind in ("date", "choice")):
            return inner
        number = numbers.parse(value)
        alias = f"number:{number}" if number is not None else ""
        return Conclusion(text, f"literal:{literals.show(value)}", "literal", alias=alias)
    return Conclusion(text, f"literal:{literals.show(value)}", "literal")


def _date(text: str, _about: Context) -> Conclusion | None:
    iso = dates.parse(text)
    return Conclusion(text, f"date:{iso}", "date") if iso else None


def _number(text: str, about: Context) -> Conclusion | None:
    bare = text.strip(_QUOTES)
    value = numbers.parse(bare)
    if value is not None:
        return _numeric(bare, value)
    stripped = latex.plain(bare) if "\\" in bare or "$" in bare[1:] else bare
    stripped = re.sub(r"\s?(?:%|percent\b)", "%", stripped).strip()
    if stripped.endswith("%") and (value := numbers.parse(stripped[:-1])) is not None:
        alias, key = f"number:{value}", f"number:{value / 100}"
        if about.percent:
            alias, key = "", alias
        return Conclusion(stripped, key, "number", alias=alias)
    if quantity := units.quantity(stripped):
        return _quantity(stripped, quantity, about)
    return None


def _numeric(text: str, value: Fraction) -> Conclusion:
    shown = str(value) if value.denominator == 1 and len(str(value)) <= 30 else text
    return Conclusion(shown, f"number:{value}", "number")


def _quantity(text: str, quantity: units.Quantity, about: Context) -> Conclusion:
    key, alias = f"quantity:{quantity.base} {quantity.dimension}", f"number:{quantity.value}"
    if units.asked(about.question, quantity.unit):
        return Conclusion(str(_decimal(quantity.value)), key, "quantity", alias=alias)
    return Conclusion(text, key, "quantity", alias=alias)


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    shown = repr(float(value))
    return shown if Fraction(shown) == value else str(value)


def _formula(text: str, about: Context) -> Conclusion | None:
    if about.format == "text" and text.isalpha():
        return None
    found = expression.key(text)
    if found is None:
        return None
    key, value = found
    shown = expression.strip_prefix(text).strip().strip("$")
    if value is not None:
        short = value.denominator == 1 and len(str(value)) <= 15
        return Conclusion(str(value) if short else shown, f"number:{value}", "number")
    if key[0] in "([{":
        return Conclusion(shown, f"literal:{key}", "literal" if shown[:1] in "([{" else "formula")
    return Conclusion(shown, f"formula:{key}", "formula")


def _counted(text: str, about: Context) -> Conclusion | None:
    """A number with a noun behind it: 47 pets."""
    found = _NOUN.fullmatch(text)
    if not found or len(found[2].split()) > _MAX_NOUN_WORDS:
        return None
    return _number(found[1].strip(), about)


def _phrase(text: str, _about: Context) -> Conclusion | None:
    if len(text) > MAX_PHRASE:
        return None
    bare = unicodedata.normalize("NFKC", latex.plain(text) if "\\" in text else text)
    words = re.findall(r"[\w'’-]+|[^\w\s.,;:!?'\"“”‘’`*()\[\]-]", bare.lower())
    kept = [word.strip("'’-_") for word in words if word not in ("a", "an", "the")]
    key = " ".join(word for word in kept if word)
    if not re.search(r"\w", key):
        return None
    shown = text[1:-1].strip() if len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES else text
    return Conclusion(shown, f"phrase:{key}", "phrase", alias=f"literal:{literals.show(shown)}")


_READERS = (_choice, _truth, _literal, _date, _number, _formula, _counted, _phrase)
