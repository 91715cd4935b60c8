"""Chance that can be repeated: the same words always give the same number."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def roll(*words: object) -> float:
    """A number in [0, 1) that depends on the words alone."""
    digest = hashlib.blake2b("\x1f".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def pick(choices: Sequence[T], *words: object) -> T:
    """One of the choices, by the words."""
    return choices[int(roll(*words) * len(choices))]


def some(choices: Sequence[T], count: int, *words: object) -> list[T]:
    """`count` different choices in their own order, by the words."""
    order = sorted(range(len(choices)), key=lambda at: roll(*words, at))
    return [choices[at] for at in sorted(order[:count])]
