"""Streams of bytes into events: server-sent events and lines of JSON, cut anywhere.

Lines are found in bytes, where a line end can never be part of another character, so a character that
is split between two reads is whole again before anything decodes it.
"""

from msgspec import Struct


class Event(Struct, frozen=True):
    """One event: its type (empty where the stream names none) and its data, as UTF-8 bytes."""

    type: str
    data: bytes


class Lines:
    """Splits bytes into lines at LF, CR LF or CR, in whatever pieces they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends."""
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 0x0A:
                data = data[1:]
        if b"\r" in data:
            self._after_cr = data[-1] == 0x0D
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        head, newline, rest = data.partition(b"\n")
        if not newline:
            # Kept as pieces: joining at every read would copy a long line again and again.
            if head:
                self._pieces.append(head)
            return []
        self._pieces.append(head)
        lines = [b"".join(self._pieces)]
        lines += rest.split(b"\n")
        tail = lines.pop()
        self._pieces = [tail] if tail else []
        return lines

    def rest(self) -> bytes:
        """What came after the last line end."""
        rest = b"".join(self._pieces)
        self._pieces = []
        return rest


class SSE:
    """Server-sent events as the HTML standard reads them; `id` and `retry` mean nothing here."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._type = ""
        self._data: list[bytes] = []
        self._first = True

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        for line in self._lines.feed(data):
            if self._first:
                self._first = False
                line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark may stand once
            if line:
                self._field(line)
            elif self._data:
                events.append(self._event())
            else:
                self._type = ""
        return events

    def close(self) -> list[Event]:
        """At the end of the stream: an event whose closing empty line is missing counts.

        The standard drops it, but servers are known to end with `data: [DONE]` and no empty line; a
        cut event is not mistaken for a whole one, since its JSON does not parse.
        """
        if rest := self._lines.rest():
            self._field(rest)
        return [self._event()] if self._data else []

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")

    def _event(self) -> Event:
        event = Event(self._type, self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
        self._type, self._data = "", []
        return event


class NDJSON:
    """One JSON value a line; empty lines mean nothing."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, data: bytes) -> list[Event]:
        """The lines that `data` completes."""
        return [Event("", line) for line in self._lines.feed(data) if line.strip()]

    def close(self) -> list[Event]:
        """The last line, where its end is missing."""
        rest = self._lines.rest()
        return [Event("", rest)] if rest.strip() else []
