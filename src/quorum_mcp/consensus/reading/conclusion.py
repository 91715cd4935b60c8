"""A short answer: what is shown, and the key that equal answers share."""

from typing import Literal

from msgspec import Struct

Kind = Literal["number", "quantity", "choice", "date", "truth", "literal", "formula", "phrase"]


class Conclusion(Struct, frozen=True):
    """A short answer.

    Attributes:
        text: the tidy short answer as it is shown.
        key: what equal answers share, `kind:` first.
        kind: what sort of answer it is.
        stated: whether the text announced it as its answer (a line, a field, a box, "the answer is").
        alias: the key of another reading that also agrees (the bare number of a quantity), or empty.
    """

    text: str
    key: str
    kind: Kind
    stated: bool = True
    alias: str = ""


def same(a: Conclusion, b: Conclusion) -> bool:
    """Whether two conclusions are equal: the same key, or one's other reading is the other's key."""
    return a.key == b.key or (bool(a.alias) and a.alias == b.key) or (bool(b.alias) and b.alias == a.key)
