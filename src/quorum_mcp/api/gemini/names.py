"""The two spellings of Gemini's fields: its JSON knows `inlineData` and `inline_data`, and clients send both."""

import base64
import re
from typing import Any

from quorum_mcp import codec
from quorum_mcp.errors import InvalidInput

_SNAKE = re.compile(rb'"[a-z]+(?:_[a-z]+)+"\s*:')
_UNDERSCORE = re.compile(r"_([a-z])")
GIVEN = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema"})
"""What stands under these names is the caller's own."""


def one_spelling(body: bytes) -> bytes:
    """The body with the names of its fields in camel case; as it is, where none is written otherwise."""
    if _SNAKE.search(body) is None:
        return body
    try:
        return codec.encode(_camel(codec.decode(body)))
    except codec.JSONError:
        return body  # whoever reads it says what is wrong


def data_of(text: str, where: str) -> str:
    """Bytes in the usual base64: clients send the alphabet for URLs, too. Raises `InvalidInput`."""
    usual = text.replace("-", "+").replace("_", "/")
    usual += "=" * (-len(usual) % 4)
    try:
        base64.b64decode(usual, validate=True)
    except ValueError:
        raise InvalidInput(f"{where} is not base64") from None
    return usual


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for name, inner in value.items():
        known = _UNDERSCORE.sub(lambda found: found[1].upper(), name)
        if known == "properties" and isinstance(inner, dict):  # their names are the caller's
            out[known] = {own: _camel(one) for own, one in inner.items()}
        else:
            out[known] = inner if known in GIVEN else _camel(inner)
    return out
