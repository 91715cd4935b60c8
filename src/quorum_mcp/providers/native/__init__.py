"""Requests in their caller's own words, to a provider of the same wire: passed on, and looked at on the way."""

from importlib import import_module
from typing import Any, cast

from quorum_mcp.providers.native.codec import NativeCodec, NativeStream
from quorum_mcp.providers.wire import Dialect

__all__ = ["NativeCodec", "NativeStream", "native_codec"]

_CODECS = {
    "openai": ("quorum_mcp.providers.native.openai", "OpenAINative"),
    "anthropic": ("quorum_mcp.providers.native.anthropic", "AnthropicNative"),
}


def native_codec(wire: str, dialect: Dialect) -> NativeCodec | None:
    """What passes requests of a wire on; None where they are always translated."""
    if wire not in _CODECS:
        return None
    module, kind = _CODECS[wire]
    make: Any = getattr(import_module(module), kind)
    return cast("NativeCodec", make(dialect))
