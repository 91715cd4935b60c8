"""The named functions, on exact numbers."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.show import bounded, rounded

MAX_FACTORIAL = 400
Function = Callable[[Sequence[Fraction]], Fraction]


class Irrational(Abstain):
    """A root that is no fraction; `rounded` is its value to 12 significant digits."""

    def __init__(self, text: str) -> None:
        super().__init__("an irrational number comes up, and I compute only with exact ones")
        self.rounded = text


def apply(name: str, values: Sequence[Fraction]) -> Fraction:
    """The value of function `name`; abstains where it is not defined or not rational."""
    return bounded(_FUNCTIONS[name](values))


def whole(value: Fraction) -> int:
    """`value` as an integer, or an abstention."""
    if value.denominator != 1:
        raise Abstain("that needs whole numbers")
    return value.numerator


def root(value: Fraction, degree: int) -> Fraction:
    """The exact square or cube root; raises `Irrational` with the rounded one."""
    if value < 0 and degree == 2:
        raise Abstain("a negative number has no real square root")
    sign = -1 if value < 0 else 1
    top, bottom = (_integer_root(abs(part), degree) for part in (value.numerator, value.denominator))
    if top**degree == abs(value.numerator) and bottom**degree == value.denominator:
        return Fraction(sign * top, bottom)
    scale = 10**40
    scaled = abs(value.numerator) * scale**degree // value.denominator
    raise Irrational(rounded(Fraction(sign * _integer_root(scaled, degree), scale)))


def _integer_root(value: int, degree: int) -> int:
    """The floor of the square or cube root of a non-negative integer."""
    if degree == 2:
        return math.isqrt(value)
    guess = 1 << -(-value.bit_length() // 3)
    while True:  # Newton's method from above falls until it is the floor
        better = (2 * guess + value // (guess * guess)) // 3 if guess else 0
        if better >= guess:
            return guess
        guess = better


def factorial(value: Fraction) -> Fraction:
    """The factorial of a small non-negative whole number."""
    count = whole(value)
    if count < 0:
        raise Abstain("a negative number has no factorial")
    if count > MAX_FACTORIAL:
        raise Abstain("the exact result has more than 1,000 digits")
    return Fraction(math.factorial(count))


def choose(total: Fraction, taken: Fraction) -> Fraction:
    """The number of ways to choose `taken` of `total` things."""
    n, k = whole(total), whole(taken)
    if not (0 <= n <= 10_000 and 0 <= k <= 10_000) or (k > MAX_FACTORIAL and n - k > MAX_FACTORIAL):
        raise Abstain("that choice is outside of what I compute")
    return Fraction(math.comb(n, k))


def _median(values: Sequence[Fraction]) -> Fraction:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _difference(values: Sequence[Fraction]) -> Fraction:
    if len(values) != 2:
        raise Abstain("a difference is between two numbers")
    return abs(values[0] - values[1])


def _quotient(values: Sequence[Fraction]) -> Fraction:
    if len(values) != 2:
        raise Abstain("a quotient is of two numbers")
    if values[1] == 0:
        raise Abstain("division by zero is undefined")
    return values[0] / values[1]


def _product(values: Sequence[Fraction]) -> Fraction:
    result = Fraction(1)
    for value in values:
        result = bounded(result * value)
    return result


_FUNCTIONS: dict[str, Function] = {
    "sqrt": lambda v: root(v[0], 2),
    "cbrt": lambda v: root(v[0], 3),
    "abs": lambda v: abs(v[0]),
    "floor": lambda v: Fraction(math.floor(v[0])),
    "ceil": lambda v: Fraction(math.ceil(v[0])),
    "double": lambda v: 2 * v[0],
    "triple": lambda v: 3 * v[0],
    "square": lambda v: v[0] ** 2,
    "cube": lambda v: v[0] ** 3,
    "factorial": lambda v: factorial(v[0]),
    "sum": lambda v: sum(v, Fraction(0)),
    "product": _product,
    "difference": _difference,
    "quotient": _quotient,
    "mean": lambda v: sum(v, Fraction(0)) / len(v),
    "median": _median,
    "max": max,
    "min": min,
    "gcd": lambda v: Fraction(math.gcd(*(whole(value) for value in v))),
    "lcm": lambda v: Fraction(math.lcm(*(whole(value) for value in v))),
}
