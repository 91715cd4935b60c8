"""The tokens of a question: numbers, signs and words."""

import re
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from quorum_mcp.providers.builtin.abstain import Abstain

Kind = Literal["number", "sign", "word", "function", "end"]
MAX_CHARACTERS = 1_000
_MAX_EXPONENT = 900

_TOKEN = re.compile(
    r"""(?P<number>(?:\d{1,3}(?:,\d{3})+(?![\d])(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d{1,4}(?![\w.]))?)
      |(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)
      |(?P<sign>\*\*|[-+*/^!()\[\],;%$=√²³])
      |(?P<space>\s+)
      |(?P<other>.)""",
    re.VERBOSE,
)
_SAME_SIGN = str.maketrans(
    {
        "×": "*",
        "·": "*",
        "⋅": "*",
        "÷": "/",
        "−": "-",
        "–": "-",
        "—": "-",
        "⁄": "/",
        "’": "'",
        "‘": "'",
        "∙": "*",
    }
)


class Token(Struct, frozen=True):
    """One token. `spaced`: white space stands before it. `grouped`: a number written with thousands commas."""

    kind: Kind
    text: str
    value: Fraction = Fraction(0)
    spaced: bool = False
    grouped: bool = False

    def is_sign(self, *texts: str) -> bool:
        """Whether the token is one of these signs."""
        return self.kind == "sign" and self.text in texts

    def is_word(self, *texts: str) -> bool:
        """Whether the token is one of these (lower-case) words."""
        return self.kind == "word" and self.text in texts


def number(value: Fraction | int, text: str = "", *, spaced: bool = True) -> Token:
    """A number token of a value."""
    return Token("number", text or str(value), Fraction(value), spaced)


def plain_signs(text: str) -> str:
    """`text` with typographic signs replaced by those of the keyboard."""
    return text.translate(_SAME_SIGN)


def scan(text: str) -> list[Token]:
    """The tokens of `text` (words in lower case), without an end token; abstains at a character it cannot read."""
    if len(text) > MAX_CHARACTERS:
        raise Abstain(f"the question is longer than {MAX_CHARACTERS} characters")
    tokens: list[Token] = []
    spaced = False
    for match in _TOKEN.finditer(plain_signs(text)):
        kind, word = match.lastgroup, match.group()
        if kind == "space":
            spaced = True
            continue
        if kind == "other":
            raise Abstain(f"the sign “{word}” has no meaning in my arithmetic")
        if kind == "number":
            tokens.append(Token("number", word, _value(word), spaced, "," in word))
        elif kind == "word":
            tokens.append(Token("word", word.lower(), spaced=spaced))
        else:
            tokens.append(Token("sign", "^" if word == "**" else word, spaced=spaced))
        spaced = False
    return tokens


def _value(text: str) -> Fraction:
    digits, _, exponent = text.lower().replace(",", "").partition("e")
    power = int(exponent or 0)
    if abs(power) > _MAX_EXPONENT or len(digits) > _MAX_EXPONENT:
        raise Abstain("a number in the question has more than 900 digits")
    return Fraction(digits) * Fraction(10) ** power
