"""JSON in and out of bytes: the one module that knows which library does it."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

JSONError = msgspec.DecodeError
"""What `decode` raises: bytes that are no JSON, or JSON of another shape than asked for."""

ShapeError = msgspec.ValidationError
"""The kind of `JSONError` that says: it is JSON, of another shape."""

MAX_DEPTH = 128
LAID_OUT = 1 << 20
"""Bytes of JSON whose depth is found by laying it out, which is ten times as fast."""
_TOO_FAR = b"\n" + b" " * MAX_DEPTH
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


encode: Callable[[Any], bytes] = _encoder.encode
"""Compact JSON of plain values and msgspec structs."""


def encode_text(value: Any) -> str:
    """As `encode`, as text."""
    return _encoder.encode(value).decode()


@overload
def decode(data: bytes | str) -> Any: ...
@overload
def decode(data: bytes | str, shape: type[T]) -> T: ...
def decode(data: bytes | str, shape: Any = Any) -> Any:
    """The value that `data` holds; with `shape`, checked against that type.

    Raises:
        JSONError: not JSON, not UTF-8, or not of that shape.
    """
    decoder = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.json.Decoder(shape)
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as error:
        raise JSONError(f"not UTF-8: {error.reason}") from error
    except RecursionError:
        raise JSONError("nested too deeply") from None


@overload
def decode_foreign(data: bytes) -> Any: ...
@overload
def decode_foreign(data: bytes, shape: type[T]) -> T: ...
def decode_foreign(data: bytes, shape: Any = Any) -> Any:
    """As `decode`, for what a caller sent: refused too where it nests deeper than `MAX_DEPTH`.

    Whoever walks through the value, or writes it again, would run out of stack somewhere.

    Raises:
        JSONError: not JSON, not UTF-8, not of that shape, or too deep.
    """
    check_depth(data)
    return decode(data, shape)


def decode_partly(data: bytes, shape: type[T]) -> T:
    """As `decode`, for a `shape` that leaves parts as they are written: they are read as text, too.

    Raises:
        JSONError: as `decode`.
    """
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise JSONError(f"not UTF-8: {error.reason}") from error
    return decode(data, shape)


def check_depth(data: bytes) -> None:
    """Raise `JSONError` for JSON that nests deeper than `MAX_DEPTH`; what stands in its strings does not count."""
    if len(data) > LAID_OUT:
        deep = _deep(data)
    else:
        try:
            deep = _TOO_FAR in msgspec.json.format(data, indent=1)  # a level is a space
        except (JSONError, RecursionError):
            return  # `decode` says what it is
    if deep:
        raise JSONError(f"nested deeper than {MAX_DEPTH} levels")


def _deep(data: bytes) -> bool:
    """Whether brackets nest too deeply, found without laying them out: that could take 60 times their room."""
    brackets = _STRINGS.sub(b"", data).translate(_SQUARE, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        outer = brackets.replace(b"[]", b"")  # one level less
        if len(outer) == len(brackets):
            return False  # nothing is left, or it is no JSON
        brackets = outer
    return bool(brackets)


def decode_halves(data: bytes, shape: type[T]) -> T:
    """As `decode`, for text that may hold escaped halves of a UTF-16 pair, which strict JSON does not know.

    Raises:
        JSONError: as `decode`.
    """
    try:
        return msgspec.convert(json.loads(data), shape)
    except ValueError as error:
        raise JSONError(str(error)) from error
