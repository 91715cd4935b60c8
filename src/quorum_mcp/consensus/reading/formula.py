"""Mathematical expressions compared by value.

An expression is evaluated exactly where it is rational, else to
about ten digits, with every variable at a fixed odd point. So `6\\sqrt{3}-9` equals `-9 + 6√3`, and `(x+1)^2`
equals `x^2+2x+1`, without any algebra (Schwartz, "Fast probabilistic algorithms for verification of polynomial
identities", 1980).
"""

import cmath
import math
import re
from fractions import Fraction

from quorum_mcp.consensus.reading import latex

Value = Fraction | complex
_TOKEN = re.compile(
    r"\s*(?:(\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)|(arcsin|arccos|arctan|sqrt|binom|sin|cos|tan|log|ln|exp)"
    r"|([a-zA-Zθαβγλμωφσρτπ∞])(?:_\(?(\w{1,3})\)?)?|(.))",
    re.DOTALL,
)
_FUNCTIONS = {
    "sqrt": cmath.sqrt, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "ln": cmath.log, "log": cmath.log10,
    "exp": cmath.exp, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
}  # fmt: skip
_MAX_DEPTH = 30
_MAX_BITS = 4000
_MAX_SIMPLE = 1e9
_MAX_DENOMINATOR = 360


class Malformed(ValueError):
    """The text is not an expression that this module reads."""


class _Parser:
    """Recursive descent over the tokens of one expression in plain notation."""

    def __init__(self, text: str) -> None:
        if len(text) > latex.MAX_LENGTH:
            raise Malformed
        self.tokens = [
            (f[1] or f[2] or (f[3] + (f[4] or "") if f[3] else f[5]), bool(f[1]), bool(f[2]), bool(f[3]))
            for f in _TOKEN.finditer(text)
            if f[0].strip()
        ]
        self.place = 0
        self.depth = 0
        self.names: set[str] = set()

    def peek(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def value(self) -> Value:
        result = self.sum()
        if self.place != len(self.tokens):
            raise Malformed
        return result

    def sum(self) -> Value:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Malformed
        result = self.product()
        while self.peek() in ("+", "-"):
            sign = self.tokens[self.place][0]
            self.place += 1
            term = self.product()
            result = _add(result, term if sign == "+" else -term)
        self.depth -= 1
        return result

    def product(self) -> Value:
        result = self.signed()
        while True:
            mark = self.peek()
            if mark in ("*", "/"):
                self.place += 1
                factor = self.signed()
                result = _times(result, factor) if mark == "*" else _over(result, factor)
            elif mark and self.starts_factor():
                result = self.joined(result)
            else:
                return result

    def joined(self, left: Value) -> Value:
        """Two factors without a sign between them: a product, or a mixed number such as 2(1/3)."""
        before = self.tokens[self.place - 1]
        mixed = before[1] and self.is_numeric_fraction()
        right = self.power()
        if (
            mixed
            and isinstance(left, Fraction)
            and left.denominator == 1
            and left
            and isinstance(right, Fraction)
        ):
            return left + right if left > 0 else left - right
        return _times(left, right)

    def is_numeric_fraction(self) -> bool:
        shape = "".join(t[0] if not t[1] else "0" for t in self.tokens[self.place : self.place + 9])
        return shape == "((0)/(0))" or shape.startswith("(0/0)")

    def starts_factor(self) -> bool:
        symbol, number, function, name = self.tokens[self.place]
        return number or function or name or symbol == "("

    def signed(self) -> Value:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.peek() == "-" else 1
            self.place += 1
            if self.place > latex.MAX_LENGTH:
                raise Malformed
        result = self.power()
        return -result if sign < 0 else result

    def power(self) -> Value:
        base = self.atom()
        while self.peek() in ("!", "°", "%"):
            base = _postfix(base, self.peek())
            self.place += 1
        if self.peek() != "^":
            return base
        self.place += 1
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Malformed
        exponent = self.signed()
        self.depth -= 1
        return _power(base, exponent)

    def atom(self) -> Value:
        if self.place >= len(self.tokens):
            raise Malformed
        symbol, number, function, name = self.tokens[self.place]
        self.place += 1
        if number:
            return Fraction(symbol.replace(",", ""))
        if function:
            return self.call(symbol)
        if name:
            return self.variable(symbol)
        if symbol == "(":
            inner = self.sum()
            self.close(")")
            return inner
        raise Malformed

    def call(self, name: str) -> Value:
        if name == "binom":
            self.close("(")
            upper = self.sum()
            self.close(",")
            lower = self.sum()
            self.close(")")
            return _binomial(upper, lower)
        power: Value = Fraction(1)
        if self.peek() == "^":
            self.place += 1
            power = self.atom()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Malformed
        argument = self.power()
        self.depth -= 1
        return _power(_root(argument) if name == "sqrt" else _FUNCTIONS[name](complex(argument)), power)

    def close(self, mark: str) -> None:
        if self.peek() != mark:
            raise Malformed
        self.place += 1

    def variable(self, name: str) -> Value:
        if name == "π":
            return complex(math.pi)
        if name == "e":
            return complex(math.e)
        if name == "i":
            return 1j
        if name == "∞":
            raise Malformed
        self.names.add(name)
        return complex(1.25 + sum((place + 1) * ord(mark) for place, mark in enumerate(name)) * 0.0137)


def _add(a: Value, b: Value) -> Value:
    return a + b if isinstance(a, Fraction) and isinstance(b, Fraction) else complex(a) + complex(b)


def _times(a: Value, b: Value) -> Value:
    return a * b if isinstance(a, Fraction) and isinstance(b, Fraction) else complex(a) * complex(b)


def _over(a: Value, b: Value) -> Value:
    return a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else complex(a) / complex(b)


def _root(value: Value) -> Value:
    if isinstance(value, Fraction) and value >= 0:
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return cmath.sqrt(complex(value))


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if abs(exponent.numerator) * bits > _MAX_BITS:
                raise Malformed
            return base**exponent.numerator
        if exponent.denominator == 2:
            return _power(_root(base), Fraction(exponent.numerator))
    return complex(base) ** complex(exponent)


def _postfix(value: Value, mark: str) -> Value:
    if mark == "%":
        return _over(value, Fraction(100))
    if mark == "°":
        return value
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= 100:
        return Fraction(math.factorial(value.numerator))
    raise Malformed


def _binomial(upper: Value, lower: Value) -> Value:
    whole = [
        v.numerator
        for v in (upper, lower)
        if isinstance(v, Fraction) and v.denominator == 1 and 0 <= v <= 500
    ]
    if len(whole) != 2:
        raise Malformed
    return Fraction(math.comb(*whole))


def evaluate(text: str) -> tuple[Value, str] | None:
    """Value of an expression in plain notation and the names of its variables; None where it cannot be read."""
    parser = _Parser(text) if len(text) <= latex.MAX_LENGTH else None
    if parser is None or not parser.tokens:
        return None
    try:
        return parser.value(), ",".join(sorted(parser.names))
    except (Malformed, ArithmeticError, ValueError, OverflowError):
        return None


def show(value: Value) -> str:
    """The comparison form of a value: a fraction in lowest terms, else nine significant digits behind a tilde."""
    if isinstance(value, Fraction):
        return str(value)
    real, imaginary = value.real, value.imag
    scale = max(abs(real), abs(imaginary))
    parts = [f"{part:.9g}" if abs(part) > scale * 1e-9 else "0" for part in (real, imaginary)]
    if parts[1] != "0":
        return f"~{parts[0]},{parts[1]}"
    if math.isfinite(real) and abs(real) < _MAX_SIMPLE:
        simple = Fraction(real).limit_denominator(_MAX_DENOMINATOR)
        if abs(float(simple) - real) <= 1e-11 * max(1.0, abs(real)):
            return str(simple)
    return f"~{parts[0]}"
