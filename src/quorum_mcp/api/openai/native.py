"""A chat completion in its caller's own words: looked at as far as the way to its model needs it."""

from functools import partial
from typing import Literal

from msgspec import Raw, Struct

from quorum_mcp import codec
from quorum_mcp.api.native import ABSENT, Fields, native
from quorum_mcp.api.openai.request import StreamOptions, read, translate
from quorum_mcp.api.reading import check_depth, json_of
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import ModelRequest

WIRE = "openai"
PRICED = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
        "stop", "seed", "n", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call",
        "response_format", "reasoning_effort", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty",
        "logit_bias", "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store", "user",
        "verbosity",
    }
)  # fmt: skip
"""Fields whose effect on the cost is known: the number of answers and the cap on their length, or none."""

MISTRAL_FIELDS = frozenset({"prompt_mode", "random_seed", "safe_prompt"})
TEXTS = frozenset({"text", "refusal"})
"""Parts of a message that cost what their text does; all others count as images, sounds or files."""


class Part(Struct):
    """A part of a message, as far as it is looked at."""

    type: str = ""
    image_url: Raw = ABSENT


class Turn(Struct):
    """One message, as far as it is looked at; what else stands in it is the provider's to judge."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: list[Raw] | None = None
    prefix: Raw = ABSENT

    @property
    def tools(self) -> bool:
        """Whether it calls tools, or is what one came to."""
        return self.role == "tool" or bool(self.tool_calls)


class Head(Struct):
    """What is looked at of a chat completion."""

    model: str
    messages: list[Turn]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    user: str | None = None
    tools: list[Raw] | None = None
    functions: list[Raw] | None = None

    @property
    def usage(self) -> bool:
        """Whether a stream is to end with what was used."""
        return self.stream_options is not None and self.stream_options.include_usage


FLAT = frozenset(Head.__struct_fields__) - {"tools", "functions"}
"""Fields in which nothing nests, where the messages are mere text."""


class Chat(Struct):
    """A request: what was looked at, and what is asked of the model."""

    head: Head
    request: ModelRequest


def read_chat(body: bytes) -> Chat:
    """Read the body of `POST /v1/chat/completions`.

    Raises `Malformed`, and `InvalidInput` for what no provider could understand.
    """
    head = json_of(body, Head, "OpenAI's chat completions", partly=True)
    if not head.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    most = head.max_completion_tokens or head.max_tokens
    for name, value in (
        ("max_tokens", head.max_tokens),
        ("max_completion_tokens", head.max_completion_tokens),
        ("n", head.n),
    ):
        if value is not None and value < 1:
            raise InvalidInput(f"{name} must be at least 1, not {value}", hint=f"leave {name} out")
    fields = codec.decode(body, Fields)
    tools = bool(head.tools or head.functions) or any(turn.tools for turn in head.messages)
    parts = [part for turn in head.messages if isinstance(turn.content, list) for part in turn.content]
    if parts or tools or not fields.keys() <= FLAT:
        check_depth(body)
        if "web_search_options" in fields or _in_mistral_s_words(fields, parts):
            return Chat(head, _opened(body))  # searches are counted, and every wire has its own
    if any(turn.prefix for turn in head.messages):
        return Chat(head, _opened(body))
    media = sum(part.type not in TEXTS for part in parts)
    written = native(
        WIRE, len(body), fields, partial(_opened, body), priced=PRICED, media=media, tools=tools, choices=head.n or 1,
        usage=head.usage,
    )  # fmt: skip
    request = ModelRequest("", (), max_tokens=most, temperature=head.temperature, native=written)
    return Chat(head, request)


def _in_mistral_s_words(fields: Fields, parts: list[Part]) -> bool:
    """Whether a client of Mistral's asks, on the same path: nobody else's provider knows its words."""
    return (
        not fields.keys().isdisjoint(MISTRAL_FIELDS)
        or bytes(fields.get("tool_choice", ABSENT)) == b'"any"'
        or any(bytes(part.image_url).startswith(b'"') for part in parts)  # an image's address alone
    )


def _opened(body: bytes) -> ModelRequest:
    return translate(read(body))
