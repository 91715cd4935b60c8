"""Identifiers: a kind prefix, then 26 characters that sort by time of creation."""

import os
import time
from functools import lru_cache

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_CHARACTERS = _ALPHABET.encode() * 8
"""A character for each byte: every one of the 32 stands for as many bytes as any other."""
_RANDOM = 16
_AHEAD = 256
"""How many identifiers' random parts are fetched at once: the system call costs more than all the rest."""


class _Pool:
    """Random characters that are not used yet. A forked process begins with none."""

    def __init__(self) -> None:
        self._rest: list[str] = []
        os.register_at_fork(after_in_child=self._clear)

    def take(self) -> str:
        """Sixteen of them, for one identifier only."""
        try:
            return self._rest.pop()
        except IndexError:
            text = os.urandom(_RANDOM * _AHEAD).translate(_CHARACTERS).decode()
            self._rest += [text[at : at + _RANDOM] for at in range(0, len(text), _RANDOM)]
            return self._rest.pop()

    def _clear(self) -> None:
        self._rest.clear()


_pool = _Pool()


def new_id(kind: str) -> str:
    """A new identifier such as `ses_01k…`: 48 bits of milliseconds, then 80 random bits (the ULID layout)."""
    at = time.time_ns() // 1_000_000
    return f"{kind}_{_second(at >> 10)}{_PAIRS[at & 1023]}{_pool.take()}"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    """The characters that nearly all identifiers of a second have in common."""
    return f"{_PAIRS[at >> 30 & 1023]}{_PAIRS[at >> 20 & 1023]}{_PAIRS[at >> 10 & 1023]}{_PAIRS[at & 1023]}"
