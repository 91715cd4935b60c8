"""The syntax tree of an expression."""

from fractions import Fraction

from msgspec import Struct


class Number(Struct, frozen=True, tag=True):
    """A number as written; `money` marks a `$` before it."""

    value: Fraction
    money: bool = False


class Percent(Struct, frozen=True, tag=True):
    """`inner` hundredths."""

    inner: "Node"


class Negate(Struct, frozen=True, tag=True):
    """Minus `inner`."""

    inner: "Node"


class Binary(Struct, frozen=True, tag=True):
    """`left sign right`, where sign is one of `+ - * / ^ mod of choose`."""

    sign: str
    left: "Node"
    right: "Node"


class Call(Struct, frozen=True, tag=True):
    """A named function of its arguments."""

    name: str
    arguments: "tuple[Node, ...]"


Node = Number | Percent | Negate | Binary | Call
