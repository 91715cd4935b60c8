"""A message in its caller's own words: looked at as far as the way to its model needs it."""

from functools import partial
from typing import Literal

from msgspec import Raw, Struct

from quorum_mcp import codec
from quorum_mcp.api.anthropic.request import read, translate
from quorum_mcp.api.native import ABSENT, Fields, native
from quorum_mcp.api.reading import check_depth, json_of
from quorum_mcp.errors import InvalidInput
from quorum_mcp.messages import ModelRequest

WIRE = "anthropic"
PRICED = frozenset(
    {
        "model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools",
        "tool_choice", "metadata", "thinking", "output_config",
    }
)  # fmt: skip
"""Fields whose effect on the cost is known: the cap on the answer's length, or none."""
MEDIA = frozenset({"image", "document"})
MARKS = (b'"image"', b'"document"', b'"cache_control"')
"""What makes the tokens of a prompt cost something else than those of its text."""
TOOLS = frozenset({"tool_use", "tool_result"})


class Tool(Struct):
    """A tool, as far as it is looked at: those without a type, or `custom`, are the caller's own."""

    type: str | None = None
    cache_control: Raw = ABSENT


class Block(Struct):
    """A block of a turn or of the system prompt, as far as it is looked at."""

    type: str = ""
    cache_control: Raw = ABSENT
    content: Raw = ABSENT

    @property
    def marks(self) -> int:
        """How much in it costs something else than its text."""
        found = (self.type in MEDIA) + bool(self.cache_control)
        inner = bytes(self.content)
        return found if inner.startswith((b'"', b"n")) else found + sum(map(inner.count, MARKS))


class Turn(Struct):
    """One turn, as far as it is looked at; what else stands in it is the provider's to judge."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Head(Struct):
    """What is looked at of a message."""

    model: str
    messages: list[Turn]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    stream: bool | None = None
    temperature: float | None = None
    tools: list[Tool] | None = None


FLAT = frozenset(Head.__struct_fields__) - {"tools"}
"""Fields in which nothing nests, where the messages are mere text."""


class Asked(Struct):
    """A request: what was looked at, and what is asked of the model."""

    head: Head
    request: ModelRequest


def read_message(body: bytes) -> Asked:
    """Read the body of `POST /v1/messages`.

    Raises `Malformed`, and `InvalidInput` for what no provider could understand.
    """
    head = json_of(body, Head, "Anthropic's messages", partly=True)
    if head.max_tokens is None:
        raise InvalidInput("max_tokens is missing", hint="Anthropic's messages need it")
    if head.max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {head.max_tokens}")
    if not head.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    if any(tool.type not in (None, "custom") for tool in head.tools or ()):
        return Asked(head, _opened(body))  # a provider's own tools are counted, and every wire has its own
    fields = codec.decode(body, Fields)
    texts = (head.system, *(turn.content for turn in head.messages))
    blocks = [block for text in texts if isinstance(text, list) for block in text]
    if blocks or not fields.keys() <= FLAT:
        check_depth(body)
    tools = bool(head.tools) or any(block.type in TOOLS for block in blocks)
    media = sum(block.marks for block in blocks) + sum(bool(tool.cache_control) for tool in head.tools or ())
    written = native(WIRE, len(body), fields, partial(_opened, body), priced=PRICED, media=media, tools=tools)
    return Asked(
        head, ModelRequest("", (), max_tokens=head.max_tokens, temperature=head.temperature, native=written)
    )


def _opened(body: bytes) -> ModelRequest:
    return translate(read(body))
