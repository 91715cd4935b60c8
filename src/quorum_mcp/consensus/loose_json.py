"""The JSON object in a model's answer, which may stand in a fence or between sentences."""

import json
from typing import Any


def first_object(text: str) -> dict[str, Any] | None:
    """The first JSON object of `text` that can be read, or None."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    for _ in range(50):
        if start < 0:
            return None
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None
