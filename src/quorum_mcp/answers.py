"""What a model answers: whole, or as the stream of deltas that adds up to it."""

from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

StopReason = Literal["stop", "length", "tool_use", "content_filter", "other"]


class Media(Struct, frozen=True, omit_defaults=True):
    """The part of a call's usage that is no text, which some vendors price by itself.

    Tokens of sound and of images, which are part of the input or output; `characters` that were spoken and
    `seconds` that were listened to, for models that are not priced by tokens.
    """

    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    characters: int = 0
    seconds: float = 0.0


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one call. `cached` and `cache_write` are part of `input`, `reasoning` is part of `output`.

    `searches` counts web searches that are billed. `cost` is what the provider itself reported, in nanodollars. `reported` is False where the provider gave
    no usage at all (then the counts are zero and have to be estimated).
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    searches: int = 0
    cost: int | None = None
    reported: bool = True
    media: Media | None = None


class ProviderLimits(Struct, frozen=True, omit_defaults=True):
    """What a provider told of its own limits: per minute, what is left of them, and seconds to send nothing.

    `at` is when, on the monotonic clock.
    """

    at: float
    requests: int | None = None
    tokens: int | None = None
    requests_left: int | None = None
    tokens_left: int | None = None
    blocked: float = 0.0


class Citation(Struct, frozen=True, omit_defaults=True):
    """A page that an answer rests on; its address begins with http:// or https://.

    `start` and `end` count characters of the answer's text: what rests on it, where the provider told.
    """

    url: str
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None


class Logprob(Struct, frozen=True, omit_defaults=True):
    """How likely a token was in its place, as a natural logarithm; `top` are the likeliest there.

    `bytes` are the token's own, where the provider told: a token may be part of a character.
    """

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple["Logprob", ...] = ()


class Answer(Struct, frozen=True):
    """A finished answer. `model` is the name that the provider gave back; `simulated` is what it said of itself.

    `limits` is what the provider told of its own limits with it.
    """

    parts: tuple[Part, ...]
    stop: StopReason
    usage: Usage
    model: str
    id: str | None = None
    simulated: bool = False
    vectors: tuple[tuple[float, ...], ...] = ()
    """Embeddings, one for each text that was sent, where those were asked for."""
    raw: bytes | None = None
    """The body as the provider wrote it, where it was asked in its caller's own words."""
    limits: ProviderLimits | None = None
    native: dict[str, Any] | None = None
    """What a task's answer says in the vendor's own words, for callers of the same API."""
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[Logprob, ...] = ()
    """How likely the tokens of its text were, where that was asked for."""

    @property
    def text(self) -> str:
        """The answer's text, without reasoning."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Text):
            return self.parts[0].text
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """The reasoning that the model showed."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool calls that the model asks for."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Text):
            return ()
        return tuple(part for part in self.parts if isinstance(part, ToolUse))


class TextDelta(Struct, frozen=True, tag="text"):
    """More text, and how likely its tokens were, where that was asked for."""

    text: str
    logprobs: tuple[Logprob, ...] = ()


class ReasoningDelta(Struct, frozen=True, tag="reasoning"):
    """More reasoning text."""

    text: str


class ToolUseDelta(Struct, frozen=True, tag="tool_use"):
    """More of tool call number `index`: its id and name once, then pieces of its JSON arguments."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


Delta = TextDelta | ReasoningDelta | ToolUseDelta


class Passed(Struct, frozen=True):
    """Whole events of a stream as the provider wrote them, and the text that is in them."""

    data: bytes
    text: str


class ModelInfo(Struct, frozen=True, omit_defaults=True):
    """A model as its provider lists it."""

    id: str
    name: str | None = None
    context_window: int | None = None
    max_output: int | None = None
    created: int | None = None
