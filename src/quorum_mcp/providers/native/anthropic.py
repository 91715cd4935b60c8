"""Anthropic's messages passed on: the caller's body to the provider, the provider's answer to the caller."""

from typing import Any, Literal

from msgspec import Struct, convert

from quorum_mcp.answers import Answer, Passed
from quorum_mcp.codec import decode, encode
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.providers.anthropic import STOPS, VERSION, Counts
from quorum_mcp.providers.bodies import error_of, parse
from quorum_mcp.providers.native.events import Block, Blocks
from quorum_mcp.providers.native.look import Look
from quorum_mcp.providers.wire import Call, Dialect

HEADERS = {"anthropic-version": VERSION}


class _Content(Struct):
    type: str
    text: str | None = None


class _Counts(Struct):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None
    cache_creation_input_tokens: int | None
    cache_creation: Any
    output_tokens_details: Any
    server_tool_use: Any
    service_tier: Any
    inference_geo: Any

    def counts(self) -> Counts:
        """As what every answer has."""
        return convert(self, Counts, from_attributes=True)


class _Whole(Struct):
    """A message as Anthropic publishes it. Another one is translated, not passed on."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[_Content]
    stop_reason: str | None
    stop_sequence: str | None
    stop_details: Any
    container: Any
    usage: _Counts


class _First(Struct):
    """The first event of a stream as Anthropic publishes it. Another stream is translated."""

    type: Literal["message_start"]
    message: _Whole


class _Piece(Struct):
    type: str | None = None
    text: str | None = None
    stop_reason: str | None = None


class _Event(Struct):
    type: str = ""
    delta: _Piece | None = None
    content_block: _Content | None = None
    usage: Counts | None = None
    error: Any = None


class AnthropicNative:
    """Passing on to a vendor that speaks Anthropic's messages."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def takes(self, native: Native) -> bool:
        """Whether the vendor has the same words for all of it."""
        return self._dialect.image_urls or not native.media

    def call(self, request: ModelRequest, native: Native, *, stream: bool) -> Call:  # noqa: ARG002 - the body says so
        """The caller's body, with the provider's name of the model and the cap on the answer."""
        body: dict[str, Any] = {**native.fields, "model": request.model}
        body["max_tokens"] = request.max_tokens
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return Call("POST", "/v1/messages", encode(body), HEADERS)

    def whole(self, body: bytes) -> Answer:
        """What the body says of its end and its tokens."""
        look = _Look()
        look.begin(decode(body, _Whole))
        return look.answer(body)

    def stream(self, native: Native) -> "AnthropicStream":  # noqa: ARG002 - it is the same for all
        """For one stream."""
        return AnthropicStream()


class _Look(Look):
    def __init__(self) -> None:
        super().__init__()
        self._counts: Counts | None = None
        self._stop: str | None = None

    def begin(self, message: _Whole) -> str:
        """Take a whole message, or the beginning of one."""
        self.id, self.model = message.id, message.model
        self.end(message.stop_reason, message.usage.counts())
        return "".join([self.block(block) for block in message.content])

    def block(self, block: _Content) -> str:
        """Take a block, or its beginning; returns its text."""
        if block.type != "text":
            self.more = True
            return ""
        return self.say(block.text or "")

    def end(self, stop: str | None, counts: Counts | None) -> None:
        """Take why it ended, and what was used so far."""
        self._stop = stop or self._stop
        if counts is not None:
            self._counts = counts.over(self._counts)

    def answer(self, raw: bytes | None = None) -> Answer:
        """The answer, once it has ended."""
        stop = None if self._stop is None else STOPS.get(self._stop, "other")
        return self.ended(stop, None if self._counts is None else self._counts.usage(), raw)


class AnthropicStream:
    """A look at a stream of events."""

    def __init__(self) -> None:
        self.ended = False
        self._begun = False
        self._blocks = Blocks()
        self._look = _Look()

    def feed(self, data: bytes) -> Passed | None:
        """The events that `data` completes."""
        return self._take(self._blocks.feed(data))

    def close(self) -> Passed | None:
        """The last event, where the empty line after it is missing."""
        return self._take(self._blocks.close())

    def finish(self) -> Answer:
        """The answer."""
        return self._look.answer()

    def _take(self, blocks: list[Block]) -> Passed | None:
        text = "".join([self._event(block.data) for block in blocks if block.data])
        return Passed(b"".join([block.raw for block in blocks]), text) if blocks else None

    def _event(self, data: bytes) -> str:
        look = self._look
        if not self._begun:
            first = decode(data, _First)
            self._begun = True
            return look.begin(first.message)
        event = parse(data, _Event)
        if event.type == "error" or event.error is not None:
            raise error_of(event.error or "the stream ended in an error")
        if event.type == "message_stop":
            self.ended = True
        look.end(event.delta.stop_reason if event.delta is not None else None, event.usage)
        if event.content_block is not None:
            return look.block(event.content_block)
        return look.say(event.delta.text or "") if event.delta is not None else ""
