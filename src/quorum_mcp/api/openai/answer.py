"""A finished call, and the pieces of one under way, as OpenAI's chat completions."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from quorum_mcp import codec, money
from quorum_mcp.answers import (
    Answer,
    Delta,
    Logprob,
    ReasoningDelta,
    StopReason,
    TextDelta,
    ToolUseDelta,
    Usage,
)
from quorum_mcp.api.citations import chat_annotations
from quorum_mcp.api.logprobs import shown
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id

Json = dict[str, Any]
FINISH: dict[StopReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "other": "stop",
}


def completion(result: Result) -> Json:
    """The whole `chat.completion`."""
    return {
        "id": f"chatcmpl-{result.id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": _model(result),
        "choices": [
            {
                "index": 0,
                "message": _message(result.answer),
                "logprobs": _logprobs(result.answer.logprobs),
                "finish_reason": FINISH[result.answer.stop],
            }
        ],
        "usage": usage_of(result.answer.usage),
        "quorum": extension(result),
    }


def extension(result: Result) -> Json:
    """What Quorum adds: the call's record, its cost in USD, and what a panel said besides its answer."""
    record = (
        {} if result.extension is not None else {"call_id": result.id}
    )  # a panel's calls are its session's
    return {
        **record,
        "cost": None if result.cost is None else money.to_usd(result.cost),
        "simulated": result.simulated,
        "warnings": list(result.warnings),
        **(result.extension or {}),
    }


class Chunks:
    """The chunks of one stream. `usage` is whether a chunk with the usage ends it, as the caller asked."""

    media_type = "text/event-stream"

    def __init__(self, model: str, *, usage: bool) -> None:
        self._head: Json = {
            "id": new_id("chatcmpl"), "object": "chat.completion.chunk", "created": int(time.time()), "model": model,
        }  # fmt: skip
        self._usage = usage
        self._begun = False

    def start(self) -> bytes:
        """Nothing: the first piece says who speaks."""
        return b""

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return _event(body)

    def delta(self, delta: Delta) -> bytes:
        """One piece."""
        match delta:
            case TextDelta(text, logprobs):
                return self._chunk({"content": text}, logprobs=logprobs)
            case ReasoningDelta(text):
                piece: Json = {"reasoning_content": text}
            case ToolUseDelta():
                piece = {"tool_calls": [_tool_piece(delta)]}
        return self._chunk(piece)

    def end(self, result: Result) -> Iterator[bytes]:
        """The last chunks: why it ended, the usage where it was asked for, the end marker."""
        self._head["model"] = _model(result)
        if notes := chat_annotations(result.answer):
            yield self._chunk({"annotations": notes})
        yield self._chunk({}, finish=FINISH[result.answer.stop], quorum=extension(result))
        if self._usage:
            yield _event(self._head | {"choices": [], "usage": usage_of(result.answer.usage)})
        yield b"data: [DONE]\n\n"

    def _chunk(
        self, piece: Json, *, finish: str | None = None, logprobs: Sequence[Logprob] = (), **more: Any
    ) -> bytes:
        if not self._begun:
            self._begun = True
            piece = {"role": "assistant", **piece}
        choice = {"index": 0, "delta": piece, "logprobs": _logprobs(logprobs), "finish_reason": finish}
        usage = {"usage": None} if self._usage else {}
        return _event(self._head | {"choices": [choice]} | usage | more)


def _logprobs(tokens: Sequence[Logprob]) -> Json | None:
    return {"content": shown(tokens), "refusal": None} if tokens else None


def _event(value: Json) -> bytes:
    return b"data: " + codec.encode(value) + b"\n\n"


def _model(result: Result) -> str:
    return f"{result.provider}/{result.model}"


def _message(answer: Answer) -> Json:
    uses = answer.tool_uses
    refused = answer.stop == "content_filter" and bool(answer.text)
    message: Json = {
        "role": "assistant",
        "content": (answer.text or None) if uses else answer.text,
        "refusal": answer.text if refused else None,
    }
    if answer.citations:
        message["annotations"] = chat_annotations(answer)
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if uses:
        message["tool_calls"] = [
            {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
            for use in uses
        ]
    return message


def _tool_piece(delta: ToolUseDelta) -> Json:
    function: Json = {"arguments": delta.arguments}
    piece: Json = {"index": delta.index, "function": function}
    if delta.id is not None:
        piece |= {"id": delta.id, "type": "function"}
    if delta.name is not None:
        function["name"] = delta.name
    return piece


def usage_of(usage: Usage) -> Json:
    """The counts of a call."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
