"""The exact value of a syntax tree, with the steps that led to it."""

from fractions import Fraction

from msgspec import Struct

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.functions import apply, choose, whole
from quorum_mcp.providers.builtin.arithmetic.show import (
    MAX_BITS,
    bounded,
    decimal_places,
    fixed,
    rounded,
    show,
)
from quorum_mcp.providers.builtin.arithmetic.tree import Binary, Call, Negate, Node, Number, Percent


class Value(Struct, frozen=True):
    """An exact amount. `money` is the power of dollars in it; `percent` says that it was written as such."""

    amount: Fraction
    money: int = 0
    percent: bool = False

    @property
    def text(self) -> str:
        """The value as people write it, exact where possible (else rounded)."""
        if self.percent:
            return f"{show(self.amount * 100)}%"
        if self.money == 1:
            sign = "-" if self.amount < 0 else ""
            places = decimal_places(self.amount)
            if places is None:
                return f"{sign}${rounded(abs(self.amount))}"
            return f"{sign}${fixed(abs(self.amount), 2 if 0 < places < 2 else places)}"
        return show(self.amount)


class Evaluation:
    """Evaluates trees; `steps` collects one line per operation."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def value(self, node: Node) -> Value:
        """The value of a tree; abstains where it is undefined, irrational, too long or mixes dollars."""
        match node:
            case Number(value=amount, money=money):
                return Value(bounded(amount), int(money))
            case Percent(inner=inner):
                return Value(_plain(self.value(inner)) / 100, percent=True)
            case Negate(inner=inner):
                value = self.value(inner)
                result = Value(-value.amount, value.money, value.percent)
                if not isinstance(inner, Number):
                    self._step(f"-({value.text})", result)
                return result
            case Binary(sign=sign, left=left, right=right):
                a, b = self.value(left), self.value(right)
                result = _binary(sign, a, b)
                self._step(f"{_operand(a)} {_SHOWN.get(sign, sign)} {_operand(b)}", result)
                return result
            case Call(name=name, arguments=arguments):
                values = [self.value(argument) for argument in arguments]
                result = _call(name, values)
                self._step(f"{_NAMES.get(name, name)}({', '.join(value.text for value in values)})", result)
                return result

    def _step(self, left: str, result: Value) -> None:
        self.steps.append(f"{left} = {result.text}")


_SHOWN = {"*": "×", "/": "÷"}
_NAMES = {"mean": "average"}


def _operand(value: Value) -> str:
    return f"({value.text})" if value.amount < 0 or "/" in value.text else value.text


def _plain(value: Value) -> Fraction:
    if value.money or value.percent:
        raise Abstain("dollars or percentages stand where I expect a plain number")
    return value.amount


def _binary(sign: str, a: Value, b: Value) -> Value:
    if sign in ("+", "-"):
        if a.percent != b.percent:
            raise Abstain("adding a percentage to a number can be read two ways")
        if a.money != b.money:
            raise Abstain("dollars and plain numbers cannot be added")
        return Value(bounded(a.amount + (b.amount if sign == "+" else -b.amount)), a.money, a.percent)
    if sign in ("*", "of"):
        percent = a.percent and b.percent
        return _money(Value(bounded(a.amount * b.amount), a.money + b.money, percent))
    if sign == "/":
        if b.amount == 0:
            raise Abstain("division by zero is undefined")
        percent = a.percent and not b.percent and not b.money
        return _money(Value(bounded(a.amount / b.amount), a.money - b.money, percent))
    left, right = _plain(a), _plain(b)
    if sign == "^":
        return Value(power(left, right))
    if sign == "mod":
        if right <= 0 or left < 0:
            raise Abstain("remainders of negative numbers and by zero are defined in different ways")
        return Value(left % right)
    return Value(choose(left, right))


def _money(value: Value) -> Value:
    if value.money not in (0, 1):
        raise Abstain("the result would be in dollars squared or per dollar")
    return value


def power(base: Fraction, exponent: Fraction) -> Fraction:
    """`base ** exponent` for whole exponents whose result has at most 1,000 digits."""
    if exponent.denominator != 1:
        raise Abstain("I raise only to whole powers")
    times = whole(exponent)
    if base == 0 and times <= 0:
        raise Abstain("zero to a power that is not positive is undefined")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and (bits - 1) * abs(times) > MAX_BITS:
        raise Abstain("the exact result has more than 1,000 digits")
    if base in (1, -1):
        return base if times % 2 else Fraction(1)
    return bounded(base**times)


def _call(name: str, values: list[Value]) -> Value:
    kinds = {(value.money, value.percent) for value in values}
    if name in _KEEPS_KIND and len(kinds) == 1:
        (money, percent), *_ = kinds
        return Value(apply(name, [value.amount for value in values]), money, percent)
    return Value(apply(name, [_plain(value) for value in values]))


_KEEPS_KIND = {"sum", "difference", "mean", "median", "max", "min", "double", "triple", "abs"}
