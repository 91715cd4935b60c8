"""A message in its caller's own words: looked at as far as the way to its model needs it."""

from functools import partial
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.api.anthropic.request import read, translate
from quorum_mcp.api.native import Fields, native
from quorum_mcp.api.reading import json_of
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
MEDIA = (b'"image"', b'"document"', b'"cache_control"')
"""What makes the tokens of a prompt cost something else than those of its text."""
TOOLS = frozenset({"tool_use", "tool_result"})


class Tool(Struct):
    """A tool, as far as it is looked at: those without a type, or `custom`, are the caller's own."""

    type: str | None = None


class Turn(Struct):
    """One turn, as far as it is looked at; what else stands in it is the provider's to judge."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Any]


class Head(Struct):
    """What is looked at of a message."""

    model: str
    messages: list[Turn]
    max_tokens: int | None = None
    stream: bool | None = None
    temperature: float | None = None
    tools: list[Tool] | None = None


class Asked(Struct):
    """A request: what was looked at, and what is asked of the model."""

    head: Head
    request: ModelRequest


def read_message(body: bytes) -> Asked:
    """Read the body of `POST /v1/messages`.

    Raises `Malformed`, and `InvalidInput` for what no provider could understand.
    """
    head = json_of(body, Head, "Anthropic's messages")
    if head.max_tokens is None:
        raise InvalidInput("max_tokens is missing", hint="Anthropic's messages need it")
    if head.max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {head.max_tokens}")
    if not head.messages:
        raise InvalidInput("messages is empty", hint="send at least one message")
    if any(tool.type not in (None, "custom") for tool in head.tools or ()):
        return Asked(head, _opened(body))  # a provider's own tools are counted, and every wire has its own
    fields = codec.decode(body, Fields)
    tools = bool(head.tools) or any(_uses_tools(turn) for turn in head.messages)
    written = native(WIRE, body, fields, partial(_opened, body), priced=PRICED, media=MEDIA, tools=tools)
    return Asked(
        head, ModelRequest("", (), max_tokens=head.max_tokens, temperature=head.temperature, native=written)
    )


def _uses_tools(turn: Turn) -> bool:
    return not isinstance(turn.content, str) and any(
        isinstance(block, dict) and block.get("type") in TOOLS for block in turn.content
    )


def _opened(body: bytes) -> ModelRequest:
    return translate(read(body))
