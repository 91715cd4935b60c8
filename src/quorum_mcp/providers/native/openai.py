"""Chat completions passed on: the caller's body to the provider, the provider's answer to the caller."""

from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.answers import Answer, Passed, Usage
from quorum_mcp.codec import JSONError, decode, encode
from quorum_mcp.errors import BadProviderAnswer
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.providers.bodies import error_of, parse
from quorum_mcp.providers.native.events import Block, Blocks
from quorum_mcp.providers.native.look import Look
from quorum_mcp.providers.openai import STOPS
from quorum_mcp.providers.usage import OpenAIUsage
from quorum_mcp.providers.wire import Call, Dialect

_CAPS = ("max_tokens", "max_completion_tokens")
DONE = b"data: [DONE]\n\n"
_USAGE = {"include_usage": True}
MOST_ODD = 8
"""Chunks that are no mere text, before nothing else is expected of a stream."""


class _More(Struct, kw_only=True):
    """What there can be in a message besides its text."""

    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None
    images: Any = None

    @property
    def more(self) -> bool:
        """Whether there is any of it."""
        return bool(
            self.tool_calls
            or self.reasoning_content
            or self.reasoning
            or self.function_call
            or self.audio
            or self.images
        )


class _Message(_More, kw_only=True):
    content: Any = None
    refusal: str | None = None


class _Choice(Struct, kw_only=True):
    """An answer, or a piece of one, whatever it lacks; a whole one has its `message`, a piece its `delta`."""

    finish_reason: str | None = None
    delta: _Message | None = None
    error: Any = None


class _Body(Struct, kw_only=True):
    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: OpenAIUsage | None = None
    error: Any = None


class _WholeMessage(_More, kw_only=True):
    role: Literal["assistant"]
    content: Any
    refusal: str | None


class _WholeChoice(Struct, kw_only=True):
    index: int
    finish_reason: str
    logprobs: Any
    message: _WholeMessage
    error: Any = None


class _Whole(Struct, kw_only=True):
    """An answer as OpenAI publishes it. Another one is translated, not passed on."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_WholeChoice]
    usage: OpenAIUsage
    error: Any = None


class _FirstChoice(Struct, kw_only=True):
    index: int
    delta: _Message
    finish_reason: str | None
    error: Any = None


class _First(Struct, kw_only=True):
    """The first piece of a stream as OpenAI publishes it. Another stream is translated."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[_FirstChoice]
    usage: OpenAIUsage | None = None
    error: Any = None


class _PlainDelta(Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None


class _PlainChoice(Struct, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: int = 0
    finish_reason: None = None
    logprobs: Any = None


class _Plain(Struct):
    """A chunk that is mere text: there is nothing else in it to be looked at."""

    choices: tuple[_PlainChoice]
    usage: None = None
    error: None = None


class OpenAINative:
    """Passing on to a vendor that speaks OpenAI's chat completions, in its dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def takes(self, native: Native) -> bool:
        """Whether the vendor has the same words for all of it."""
        dialect, fields = self._dialect, native.fields
        return (
            (dialect.effort == "reasoning_effort" or "reasoning_effort" not in fields)
            and (dialect.seed or "seed" not in fields)
            and (dialect.schema == "json_schema" or "response_format" not in fields)
            and (dialect.image_urls or not native.media)
            and (dialect.search == "none" or "web_search_options" not in fields)
        )

    def call(self, request: ModelRequest, native: Native, *, stream: bool) -> Call:
        """The caller's body, with the provider's name of the model, and the cap under the name the vendor knows."""
        body: dict[str, Any] = {**native.fields, "model": request.model}
        for name in _CAPS:
            body.pop(name, None)
        if request.max_tokens is not None:
            body[self._dialect.max_tokens_field] = request.max_tokens
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if stream and not native.usage and self._dialect.stream_usage:
            body["stream_options"] = _USAGE
        return Call("POST", "/chat/completions", encode(body))

    def whole(self, body: bytes) -> Answer:
        """What the body says of its end and its tokens."""
        found = decode(body, _Whole)
        if not found.choices:
            raise BadProviderAnswer("the answer has no choices")
        look = _Look()
        look.take(found)
        return look.answer(body)

    def stream(self, native: Native) -> "OpenAIStream":
        """For one stream."""
        return OpenAIStream(native)


class _Look(Look):
    def __init__(self) -> None:
        super().__init__()
        self._stop: str | None = None
        self._refused = False
        self._usage: Usage | None = None

    def take(self, found: _Body | _First | _Whole) -> str:
        """Take a whole answer or a chunk of one; returns its text."""
        if found.error is not None:
            raise error_of(found.error)
        self.id = self.id or found.id
        self.model = self.model or found.model
        if found.usage is not None:
            self._usage = found.usage.usage()
        choices = found.choices
        if len(choices) == 1:
            return self.say(self._choice(choices[0]))
        return self.say("".join([self._choice(choice) for choice in choices]))

    @property
    def stopped(self) -> bool:
        """Whether it is known why it ended."""
        return self._stop is not None

    def _choice(self, choice: _Choice | _FirstChoice | _WholeChoice) -> str:
        if choice.error is not None:
            raise error_of(choice.error)
        if choice.finish_reason == "error":
            raise BadProviderAnswer("the provider broke off with an error")
        self._stop = choice.finish_reason or self._stop
        message = choice.message if isinstance(choice, _WholeChoice) else choice.delta
        if message is None:
            return ""
        self._refused = self._refused or bool(message.refusal)
        self.more = self.more or self._refused or message.more
        if isinstance(message.content, str):
            return message.content
        self.more = self.more or bool(message.content)
        return ""

    def answer(self, raw: bytes | None = None) -> Answer:
        """The answer, once it has ended."""
        stop = None if self._stop is None else STOPS.get(self._stop, "other")
        return self.ended("content_filter" if stop and self._refused else stop, self._usage, raw)


class OpenAIStream:
    """A look at a stream of chunks; drops the chunk about the usage where only we asked for it."""

    def __init__(self, native: Native) -> None:
        self.ended = False
        self._begun = False
        self._odd = 0
        self._blocks = Blocks()
        self._look = _Look()
        self._usage = native.usage

    def feed(self, data: bytes) -> Passed | None:
        """The chunks that `data` completes."""
        text = self._mere_text(data)
        if text is not None:
            return Passed(data, self._look.say(text))
        return self._take(self._blocks.feed(data))

    def close(self) -> Passed | None:
        """The last chunk, where the empty line after it is missing, and the end marker where that is."""
        passed = self._take(self._blocks.close())
        if self.ended or not self._look.stopped:
            return passed
        return Passed((passed.data if passed else b"") + DONE, passed.text if passed else "")

    def _take(self, blocks: list[Block]) -> Passed | None:
        passed: list[bytes] = []
        text = ""
        for block in blocks:
            if block.data == b"[DONE]":
                self.ended = True
            elif block.data:
                found = self._read(block.data)
                text += self._look.take(found)
                if found.usage is not None and not found.choices and not self._usage:
                    continue
            passed.append(block.raw)
        return Passed(passed[0] if len(passed) == 1 else b"".join(passed), text) if passed else None

    def finish(self) -> Answer:
        """The answer."""
        return self._look.answer()

    def _mere_text(self, data: bytes) -> str | None:
        """The text of `data`, where it is one chunk in which there is nothing else, as in nearly all of a stream."""
        if not self._begun or self._odd >= MOST_ODD:
            return None
        alone = self._blocks.alone(data)
        if alone is None:
            return None
        try:
            return decode(alone, _Plain).choices[0].delta.content
        except JSONError:
            self._odd += 1
            return None

    def _read(self, data: bytes) -> _Body | _First:
        if self._begun:
            return parse(data, _Body)
        found = decode(data, _First)
        self._begun = True
        return found
