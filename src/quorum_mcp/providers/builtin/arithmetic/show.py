"""Exact numbers as text, and the limits that keep them small."""

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain

MAX_BITS = 3_300
"""Bits of a numerator or denominator: about 1,000 decimal digits."""
DIGITS = 12
"""Significant digits of a rounded number."""
_MAX_PLACES = 30
_PLAIN_DENOMINATOR = 1_000


def bounded(value: Fraction) -> Fraction:
    """`value` itself, or an abstention when its exact digits would be too many to print."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise Abstain("the exact result has more than 1,000 digits")
    return value


def decimal_places(value: Fraction) -> int | None:
    """How many decimal places write `value` exactly; None when no (reasonable) number of places does."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    return places if rest == 1 and places <= _MAX_PLACES else None


def fixed(value: Fraction, places: int) -> str:
    """`value` with exactly `places` decimal places, rounded half away from zero."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(whole).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 and whole else text


def rounded(value: Fraction, digits: int = DIGITS) -> str:
    """`value` to `digits` significant digits, rounded half away from zero, without trailing zeros."""
    context = Context(prec=digits, rounding=ROUND_HALF_UP)
    exact = Context(prec=digits + 30, rounding=ROUND_HALF_UP)
    quotient = exact.divide(Decimal(value.numerator), Decimal(value.denominator))
    text = f"{context.plus(quotient):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_plain(value: Fraction) -> bool:
    """Whether `show` writes the value exactly."""
    return decimal_places(value) is not None or value.denominator <= _PLAIN_DENOMINATOR


def show(value: Fraction) -> str:
    """The shortest exact writing: integer, decimal or small fraction; a longer fraction is rounded."""
    places = decimal_places(value)
    if places is not None:
        return fixed(value, places)
    if value.denominator <= _PLAIN_DENOMINATOR:
        return f"{value.numerator}/{value.denominator}"
    return rounded(value)


def show_decimal(value: Fraction) -> str:
    """As a decimal: exact where it ends, else rounded to 12 significant digits."""
    places = decimal_places(value)
    return rounded(value) if places is None else fixed(value, places)


def relation(value: Fraction) -> str:
    """`=` where `show_decimal` is exact, else the sign for about."""
    return "=" if decimal_places(value) is not None else "≈"
