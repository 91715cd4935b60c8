"""What is sent to a model: the one shape that every wire translates from."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Raw, Struct, structs

from quorum_mcp.tasks import Task


class Text(Struct, frozen=True, tag="text"):
    """A run of text."""

    text: str


class Image(Struct, frozen=True, tag="image", omit_defaults=True):
    """An image: base64 `data` with its `media_type`, or a `url` that the provider fetches (never we).

    `detail` is how closely a model shall look at it, in OpenAI's words.
    """

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None


class Audio(Struct, frozen=True, tag="audio"):
    """Sound: base64 `data` of the media type, such as `audio/wav`."""

    media_type: str
    data: str


class Document(Struct, frozen=True, tag="document"):
    """A document that models read themselves: base64 `data` of the media type, such as `application/pdf`."""

    name: str
    media_type: str
    data: str


class Reasoning(Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """A model's reasoning; `signature` and `opaque` are the provider's own, to be sent back unchanged."""

    text: str
    signature: str | None = None
    opaque: str | None = None


class ToolUse(Struct, frozen=True, tag="tool_use"):
    """A call of a tool that the model asks for; `arguments` is the JSON text the model wrote."""

    id: str
    name: str
    arguments: str


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """The result of tool call `id`, sent back in a message of role `tool`."""

    id: str
    parts: tuple[Text | Image, ...]
    name: str | None = None
    is_error: bool = False


Part = Text | Image | Audio | Document | Reasoning | ToolUse | ToolResult
Role = Literal["system", "user", "assistant", "tool"]


class Message(Struct, frozen=True):
    """One turn. `tool` messages hold only ToolResult parts."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The message's text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def message(role: Role, text: str) -> Message:
    """A message of one text part."""
    return Message(role, (Text(text),))


class Tool(Struct, frozen=True):
    """A tool the model may call; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any]
    strict: bool = False
    """Whether the provider must hold the arguments to the schema."""


class JsonFormat(Struct, frozen=True, omit_defaults=True):
    """Structured output: the answer must be JSON, of `schema` where one is given."""

    schema: dict[str, Any] | None = None
    name: str = "answer"
    strict: bool = True


class ToolChoice(Struct, frozen=True):
    """Whether and which tool the model must call; `name` only with mode `named`."""

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str | None = None


PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})
"""Fields that OpenAI's, Mistral's, Google's and Ollama's wires all have."""


class Extra(Struct, frozen=True):
    """Fields of one vendor's API that we have no words for, as its client sent them.

    They go to a provider of the same `wire`, or of one that has the field, too (`Wire.also`), and are refused by name
    for any other.
    """

    wire: str
    fields: dict[str, Any]


class Native(Struct, frozen=True):
    """A request in the words of its caller's own API: a provider of that `wire` gets it as it was written.

    Attributes:
        fields: the body's fields, each as the JSON that stood there.
        size: bytes of the body: no prompt has more tokens.
        read: gives the same request in our words, for everybody else.
        choices: how many answers are asked for.
        media: how many images, sounds and files stand in it, whose tokens are not those of their text.
        tools: whether it offers tools, or results of some.
        unpriced: fields that are not known, or may change what a token costs.
        usage: whether its caller wants to be told what a stream used.
    """

    wire: str
    fields: dict[str, Raw]
    size: int
    read: Callable[[], "ModelRequest"]
    choices: int = 1
    media: int = 0
    tools: bool = False
    unpriced: tuple[str, ...] = ()
    usage: bool = True


SEARCHES = 5
"""How often a model may search the web for one answer, where the caller does not say."""


class ModelRequest(Struct, frozen=True, omit_defaults=True):
    """One request to one model.

    Attributes:
        model: the provider's own name of the model (no provider prefix).
        messages: the conversation; system messages may stand anywhere, wires place them.
        max_tokens: cap on output tokens (reasoning included); None leaves the provider's default.
        reasoning_effort: how hard to think, in the OpenAI words; a wire that has no equivalent raises.
        logprobs: how many of the likeliest tokens to tell in each place of the answer's text, besides how likely its
            own are; None: nothing of it.
        searches: how often the model may search the web, with its provider's own search; 0: not at all.
        task: what else than an answer to the conversation is asked for; None is a chat.
        extra: what only a provider of the same wire as the caller's can be asked.
        native: the whole request as its caller wrote it. Then what is not about the model, the length of the
            answer or its temperature is only there once it is `opened`.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tools: bool | None = None
    format: JsonFormat | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    logprobs: int | None = None
    task: Task | None = None
    searches: int = 0
    extra: Extra | None = None
    native: Native | None = None

    def opened(self) -> "ModelRequest":
        """The request in our words only.

        Raises:
            Unsupported: something in it has none.
            InvalidInput: something in it is not as its caller's API wants it.
        """
        if self.native is None:
            return self
        return structs.replace(
            self.native.read(), model=self.model, max_tokens=self.max_tokens, temperature=self.temperature
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """All text parts, in order."""
        return tuple(
            part.text for message in self.messages for part in message.parts if isinstance(part, Text)
        )
