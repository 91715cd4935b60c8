"""Identifiers: a kind prefix, then 26 characters that sort by time of creation."""

import os
import time
from functools import lru_cache

_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_CHARACTERS = _ALPHABET * 8
"""A character for each byte: every one of the 32 stands for as many bytes as any other."""


def new_id(kind: str) -> str:
    """A new identifier such as `ses_01k…`: 48 bits of milliseconds, then 80 random bits (the ULID layout)."""
    return f"{kind}_{_moment(time.time_ns() // 1_000_000)}{os.urandom(16).translate(_CHARACTERS).decode()}"


@lru_cache(maxsize=8)
def _moment(milliseconds: int) -> str:
    return bytes(_ALPHABET[(milliseconds >> shift) & 31] for shift in range(45, -1, -5)).decode()
