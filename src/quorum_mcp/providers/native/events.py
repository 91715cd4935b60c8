"""Server-sent events in whole blocks, each with its bytes as they came."""

from msgspec import Struct

from quorum_mcp.providers.sse import SSE

_DATA = b"data: "


class Block(Struct):
    """One event: the bytes it takes in the stream, and its data."""

    raw: bytes
    data: bytes


class Blocks:
    """Cuts a stream into its events. What is no whole event yet is held until it is."""

    def __init__(self) -> None:
        self._tail = b""

    def alone(self, data: bytes) -> bytes | None:
        """The data of the event that `data` is, where it is one that stands in one line; else it is to be fed."""
        if self._tail or data.find(b"\n") != len(data) - 2 or b"\r" in data:
            return None
        return data[6:-2] if data.startswith(_DATA) and data.endswith(b"\n") else None

    def feed(self, data: bytes) -> list[Block]:
        """The events that `data` completes."""
        data = self._tail + data if self._tail else data
        if b"\r" in data:
            return self._lenient(data)
        pieces = data.split(b"\n\n")
        self._tail = pieces.pop()
        if len(pieces) == 1 and not self._tail:  # mostly one event comes, and all of it
            return [_block(pieces[0], data)]
        return [_block(piece, piece + b"\n\n") for piece in pieces]

    def close(self) -> list[Block]:
        """At the end of the stream: an event whose closing empty line is missing counts."""
        rest, self._tail = self._tail.rstrip(b"\r\n"), b""
        return [_block(rest, rest + b"\n\n")] if rest else []

    def _lenient(self, data: bytes) -> list[Block]:
        """For lines that end otherwise."""
        end = max(data.rfind(b"\r\n\r\n") + 4, data.rfind(b"\n\n") + 2, data.rfind(b"\r\r") + 2)
        if end < 4:
            self._tail = data
            return []
        self._tail, whole = data[end:], data[:end]
        normal = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return [_block(piece, piece + b"\n\n") for piece in normal.split(b"\n\n") if piece]


def _block(piece: bytes, raw: bytes) -> Block:
    if piece.startswith(_DATA) and b"\n" not in piece:
        return Block(raw, piece[6:])
    found = SSE().feed(raw)
    return Block(raw, found[0].data if found else b"")
