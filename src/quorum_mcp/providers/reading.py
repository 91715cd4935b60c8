"""Reading a stream: translated, or passed on as it is where the caller knows the provider's own words."""

from collections.abc import Mapping, Sequence

from quorum_mcp.answers import Answer, Delta, Passed
from quorum_mcp.codec import JSONError
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.native import NativeStream
from quorum_mcp.providers.sse import NDJSON, SSE, Event
from quorum_mcp.providers.wire import Wire


class Reading:
    """Bytes of a stream into what is passed on.

    Args:
        wire: the provider's.
        request: as it was sent.
        look: for a stream that is passed on as it is; one that is not as published is translated all the same.
    """

    def __init__(self, wire: Wire, request: ModelRequest, look: NativeStream | None = None) -> None:
        self._framing = SSE() if wire.framing == "sse" else NDJSON()
        self._reader = wire.reader(request)
        self._look = look
        self._held = b""
        self._begun = False

    @property
    def ended(self) -> bool:
        """Whether the answer's own end marker was read; nothing after it matters."""
        return self._reader.ended if self._look is None else self._look.ended

    @property
    def passing(self) -> NativeStream | None:
        """Who looks at a stream that is passed on as it is, once its beginning has been, while more is to come."""
        return self._look if self._begun and self._look is not None and not self._look.ended else None

    def whole(self, body: bytes) -> Sequence[Delta]:
        """Take a body that holds the whole answer."""
        self._look = None
        return self._reader.whole(body)

    def more(self, chunk: bytes) -> Sequence[Delta | Passed]:
        """What a piece of the stream adds."""
        if self._look is not None:
            try:
                passed = self._look.feed(chunk)
            except JSONError:
                self._look, chunk = None, self._held + chunk
            else:
                if passed is None:
                    self._held += chunk
                    return ()
                self._held, self._begun = b"", True
                return (passed,)
        return self._read(self._framing.feed(chunk))

    def end(self) -> Sequence[Delta | Passed]:
        """What the end of the stream adds, where it came without the answer's own end marker."""
        if self._look is not None:
            passed = self._look.close()
            return () if passed is None else (passed,)
        return self._read(self._framing.close())

    def finish(self) -> Answer:
        """The answer."""
        return self._reader.finish() if self._look is None else self._look.finish()

    def _read(self, events: list[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            deltas += self._reader.event(event)
            if self._reader.ended:
                break
        return deltas


def is_whole(wire: Wire, headers: Mapping[str, str]) -> bool:
    """Whether a server that was asked for a stream sent one JSON body: an error, or it cannot stream."""
    return wire.framing == "sse" and headers.get("content-type", "").startswith("application/json")
