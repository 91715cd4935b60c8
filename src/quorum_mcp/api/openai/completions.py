"""Text completions, OpenAI's older API, as a dialect of the model routes: the prompt is asked as a user's message."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.answers import Delta, TextDelta
from quorum_mcp.api.model_route import Asked, Json
from quorum_mcp.api.openai.answer import FINISH, extension, usage_of
from quorum_mcp.api.openai.dialect import OpenAIDialect, passed_on
from quorum_mcp.api.openai.request import StreamOptions
from quorum_mcp.api.reading import json_of
from quorum_mcp.calls.call import Result
from quorum_mcp.errors import InvalidInput, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import ModelRequest, message

PASSED_ON = ("frequency_penalty", "logit_bias", "presence_penalty", "user")


class CompletionRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/completions`."""

    model: str
    prompt: str | list[Any]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = None
    suffix: str | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


class Completions(OpenAIDialect):
    """`POST /v1/completions`."""

    def read(self, body: bytes, path: Mapping[str, str]) -> Asked:  # noqa: ARG002 - the path holds nothing
        """Read a request."""
        asked = json_of(body, CompletionRequest, "OpenAI's completions")
        _refuse(asked)
        request = ModelRequest(
            "",
            (message("user", _prompt(asked.prompt)),),
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            stop=(asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()),
            seed=asked.seed,
            extra=passed_on(asked, PASSED_ON),
        )
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        return Asked(asked.model, request, _Chunks(asked.model, usage=usage) if asked.stream else None)

    def whole(self, result: Result, options: Json) -> Json:  # noqa: ARG002 - there are none
        """The whole completion; reasoning has no place in it."""
        head = _head(f"cmpl-{result.id}", f"{result.provider}/{result.model}")
        choice = _choice(result.answer.text, FINISH[result.answer.stop])
        return head | {
            "choices": [choice], "usage": usage_of(result.answer.usage), "quorum": extension(result),
        }  # fmt: skip


class _Chunks:
    """The chunks of one stream, of the same shape as the whole completion."""

    media_type = "text/event-stream"

    def __init__(self, model: str, *, usage: bool) -> None:
        self._head = _head(new_id("cmpl"), model)
        self._usage = usage

    def start(self) -> bytes:
        """Nothing comes before the first piece."""
        return b""

    def delta(self, delta: Delta) -> bytes:
        """One piece."""
        return self._chunk(_choice(delta.text, None)) if isinstance(delta, TextDelta) else b""

    def end(self, result: Result) -> Iterator[bytes]:
        """The last chunks: why it ended, the usage where it was asked for, the end marker."""
        self._head["model"] = f"{result.provider}/{result.model}"
        yield self._chunk(_choice("", FINISH[result.answer.stop]), quorum=extension(result))
        if self._usage:
            yield _event(self._head | {"choices": [], "usage": usage_of(result.answer.usage)})
        yield b"data: [DONE]\n\n"

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return _event(body)

    def _chunk(self, choice: Json, **more: Any) -> bytes:
        return _event(self._head | {"choices": [choice]} | more)


def _refuse(asked: CompletionRequest) -> None:
    for name, refused in (
        ("suffix", bool(asked.suffix)),
        ("echo", bool(asked.echo)),
        ("logprobs", asked.logprobs is not None),
        ("n", asked.n not in (None, 1)),
        ("best_of", asked.best_of not in (None, 1)),
    ):
        if refused:
            raise Unsupported(f"{name}={getattr(asked, name)!r} is not supported", hint=f"leave {name} out")
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {asked.max_tokens}")


def _prompt(given: str | list[Any]) -> str:
    many = [given] if isinstance(given, str) else given
    if len(many) == 1 and isinstance(many[0], str) and many[0]:
        return many[0]
    if any(not isinstance(one, str) for one in many):
        raise Unsupported("prompt holds tokens", hint="send text")
    if len(many) > 1:
        raise Unsupported(f"prompt: {len(many)} prompts at once are not supported", hint="ask once for each")
    raise InvalidInput("prompt is empty", hint="send a text")


def _head(id: str, model: str) -> Json:  # noqa: A002 - the field's name
    return {"id": id, "object": "text_completion", "created": int(time.time()), "model": model}


def _choice(text: str, finish: str | None) -> Json:
    finish = "stop" if finish == "tool_calls" else finish
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}


def _event(value: Json) -> bytes:
    return b"data: " + codec.encode(value) + b"\n\n"
