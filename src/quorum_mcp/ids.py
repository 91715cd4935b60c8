"""Identifiers: a kind prefix, then 26 characters that sort by time of creation."""

import os
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case


def new_id(kind: str) -> str:
    """A new identifier such as `ses_01k…`: 48 bits of milliseconds, then 80 random bits (the ULID layout)."""
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    text = "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
    return f"{kind}_{text}"
