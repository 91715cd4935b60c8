"""Numbers in words: “twenty-five”, “two hundred and six”, “three point five”, “two thirds”, “2.5 million”."""

from fractions import Fraction

from quorum_mcp.providers.builtin.arithmetic.tokens import Token, number

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SMALL = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
PARTS = _PARTS | {f"{word}s": value for word, value in _PARTS.items() if not word.endswith("s")}
_PLURALS = (PARTS.keys() - _PARTS.keys()) | {"halves"}
_DOZEN = 12


def collapse(tokens: list[Token]) -> list[Token]:
    """The tokens with every number in words replaced by a number token."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        reader = _Reader(tokens, at)
        value = reader.read()
        if value is None:
            result.append(tokens[at])
            at += 1
        else:
            words = " ".join(token.text for token in tokens[at : reader.at])
            result.append(number(value, words, spaced=tokens[at].spaced))
            at = reader.at
    return result


class _Reader:
    """Reads one number from `at` on; `at` then stands behind it."""

    def __init__(self, tokens: list[Token], at: int) -> None:
        self._tokens = tokens
        self.at = at

    def _word(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self._tokens[at].text if at < len(self._tokens) and self._tokens[at].kind == "word" else ""

    def _skip_hyphen(self) -> bool:
        """Step over the hyphen of “twenty-five”; a minus sign has spaces around it or a number beside it."""
        at = self.at
        if at + 1 < len(self._tokens) and self._tokens[at].is_sign("-") and not self._tokens[at].spaced:
            following = self._tokens[at + 1]
            if following.kind == "word" and not following.spaced and following.text in SMALL | PARTS | SCALES:
                self.at += 1
                return True
        return False

    def read(self) -> Fraction | None:
        first = self._tokens[self.at]
        if first.kind == "number":
            if self._word(1) in SCALES or self._word(1) == "dozen":
                self.at += 1
                return first.value * self._scales()
            return None
        if first.kind != "word":
            return None
        if first.text in ("a", "an") and self._word(1) in (PARTS | SCALES | {"dozen": 0, "hundred": 0}):
            self.at += 1
            return self._article()
        if first.text in ("half", "quarter") and self._word(1) != "past":
            self.at += 1
            return Fraction(1, PARTS[first.text])
        return self._cardinal() if first.text in SMALL else None

    def _article(self) -> Fraction:
        word = self._word()
        if word in PARTS:
            self.at += 1
            return Fraction(1, PARTS[word])
        if word == "hundred":
            self.at += 1
            return Fraction(100) * self._scales()
        return Fraction(1) * self._scales()

    def _scales(self) -> int:
        factor = 1
        while (word := self._word()) in SCALES or word == "dozen":
            factor *= SCALES.get(word, _DOZEN)
            self.at += 1
        return factor

    def _cardinal(self) -> Fraction:
        total, last = 0, 0
        while True:
            before = self.at
            if total and self._word() == "and":
                self.at += 1
            if self._word() not in SMALL:
                self.at = before
                break
            group = self._group()
            scale = self._scales()
            if last and scale >= last:  # “five thousand six thousand” is two numbers
                self.at = before
                break
            total, last = total + group * scale, scale
            if scale == 1:
                break
        value = Fraction(total)
        if self._word() == "point" and self._word(1) in _UNITS[:10]:
            value = self._decimals(value)
        return self._fraction(value)

    def _group(self) -> int:
        """A number below 1,000 (or such as “twelve hundred”)."""
        total = SMALL[self._word()]
        self.at += 1
        if total >= 20 and total % 10 == 0:
            hyphen = self._skip_hyphen()
            if 0 < SMALL.get(self._word(), 0) < 10:
                total += SMALL[self._word()]
                self.at += 1
            elif hyphen:
                self.at -= 1
        if self._word() == "hundred":
            total *= 100
            self.at += 1
            follows = self._word(1) if self._word() == "and" else self._word()
            if follows in SMALL and SMALL[follows] > 0:
                self.at += self._word() == "and"
                total += self._group()
        return total

    def _decimals(self, whole: Fraction) -> Fraction:
        self.at += 1
        digits = ""
        while self._word() in _UNITS[:10]:
            digits += str(SMALL[self._word()])
            self.at += 1
        return whole + Fraction(int(digits), 10 ** len(digits))

    def _fraction(self, value: Fraction) -> Fraction:
        """“two thirds”, “three-quarters”, “two and a half”."""
        before = self.at
        self._skip_hyphen()
        word = self._word()
        if word in PARTS and (
            word in _PARTS and word != "halves" if value == 1 else 1 < value < 20 and word in _PLURALS
        ):
            self.at += 1
            return value / PARTS[word]
        self.at = before
        if self._word() == "and" and self._word(1) == "a" and self._word(2) in ("half", "quarter", "third"):
            value += Fraction(1, PARTS[self._word(2)])
            self.at += 3
        return value
