"""A response as OpenAI's clients ask for it: its fields, and what of them cannot be done."""

from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.api.reading import json_of, only
from quorum_mcp.errors import InvalidInput, Unsupported

Json = dict[str, Any]
SEALED = "reasoning.encrypted_content"
"""What `include` may ask for: reasoning with its provider's seal, so that a caller who stores nothing can go on."""


class ResponseRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/responses`: every field that is understood, in OpenAI's words."""

    model: str
    input: str | list[Json]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    stream_options: Json | None = None
    store: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: int | None = None
    """Of the vendor's own tools, of which there is web search only."""
    text: Json | None = None
    reasoning: Json | None = None
    metadata: dict[str, str] | None = None
    include: list[str] | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    truncation: Literal["auto", "disabled"] | None = None
    top_logprobs: int | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    prompt_cache_retention: Any = None
    context_management: Any = None


def read(body: bytes) -> ResponseRequest:
    """The body's fields; errors as `json_of`, and `Unsupported` for what cannot be done."""
    asked = json_of(body, ResponseRequest, "OpenAI's responses")
    for name, refused in (
        ("stream", bool(asked.background and asked.stream)),
        ("include", bool(set(asked.include or ()) - {SEALED})),
        ("truncation", asked.truncation == "auto"),
        ("top_logprobs", bool(asked.top_logprobs)),
        ("service_tier", asked.service_tier not in (None, "auto", "default")),
        *(
            (name, getattr(asked, name) is not None)
            for name in ("conversation", "prompt", "prompt_cache_retention", "context_management")
        ),
    ):
        if refused:
            raise Unsupported(f"{name}={getattr(asked, name)!r} is not supported", hint=f"leave {name} out")
    only(asked.stream_options or {}, {"include_obfuscation"}, "stream_options")
    if asked.max_output_tokens is not None and asked.max_output_tokens < 1:
        raise InvalidInput(f"max_output_tokens must be at least 1, not {asked.max_output_tokens}")
    if asked.background and asked.store is False:
        raise InvalidInput("background needs store", hint="leave store out: it is where the answer will be")
    if not asked.input:
        raise InvalidInput("input is empty", hint="send a text, or at least one item")
    return asked
