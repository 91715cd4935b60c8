"""What passing on needs to know of a wire: what to change in a request, and what to read in an answer."""

from typing import Protocol

from quorum_mcp.answers import Answer, Passed
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.providers.wire import Call


class NativeStream(Protocol):
    """The look at one stream that is passed on."""

    ended: bool
    """Its own end marker has been read."""

    def feed(self, data: bytes) -> Passed | None:
        """The events that `data` completes; None where it completes none.

        Raises `ProviderError` where one of them is an error, and `JSONError` where the first one is not as the wire's
        vendor publishes it: then the stream has to be translated.
        """
        ...

    def close(self) -> Passed | None:
        """At the end of the stream, an event that has no end."""
        ...

    def finish(self) -> Answer:
        """What was answered; raises `BadProviderAnswer` where it was cut or is empty."""
        ...


class NativeCodec(Protocol):
    """One wire, as far as passing on goes."""

    def takes(self, native: Native) -> bool:
        """Whether the provider knows all of the request's words; else it is translated like any other."""
        ...

    def call(self, request: ModelRequest, native: Native, *, stream: bool) -> Call:
        """The HTTP request: the body as it was written, but for the model's name and the cap on its output."""
        ...

    def whole(self, body: bytes) -> Answer:
        """What a whole answer says of itself, with the body in `raw`.

        Raises `ProviderError`, and `JSONError` where it is not as the wire's vendor publishes it: then the caller gets
        it translated.
        """
        ...

    def stream(self, native: Native) -> NativeStream:
        """For the look at a stream."""
        ...
