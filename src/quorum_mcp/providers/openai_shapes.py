"""The shapes of chat completions, whole or in chunks, with the fields that single vendors add."""

from typing import Any

from msgspec import Struct

from quorum_mcp.providers.logprobs import ToldOf
from quorum_mcp.providers.usage import OpenAIUsage

Json = dict[str, Any]


class Function(Struct):
    """The function that is called."""

    name: str | None = None
    arguments: str | Json | None = None


class FunctionCall(Struct):
    """A call of a tool, or a piece of one."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None


class CompletionMessage(Struct):
    """A message, or a piece of one."""

    content: str | list[Json] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Json] | None = None
    tool_calls: list[FunctionCall] | None = None
    annotations: list[Json] | None = None
    function_call: Json | None = None
    audio: Json | None = None
    images: list[Json] | None = None


class Choice(Struct):
    """One answer."""

    index: int = 0
    message: CompletionMessage | None = None
    delta: CompletionMessage | None = None
    finish_reason: str | None = None
    logprobs: ToldOf | None = None
    error: Json | None = None


class Completion(Struct):
    """A completion, or a chunk of one."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: OpenAIUsage | None = None
    error: Any = None
