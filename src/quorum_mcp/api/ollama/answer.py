"""A finished call, and the pieces of one under way, as Ollama answers: one JSON object a line."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from quorum_mcp import codec
from quorum_mcp.answers import Answer, Delta, Logprob, ReasoningDelta, TextDelta
from quorum_mcp.api.logprobs import shown
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.reading import arguments_of
from quorum_mcp.calls.call import Result

Json = dict[str, Any]
Kind = Literal["chat", "generate"]


class Lines:
    """The lines of one answer, streamed or whole; a chat has messages, a generation has responses."""

    media_type = "application/x-ndjson"

    def __init__(self, model: str, kind: Kind) -> None:
        self._model = model
        self._kind = kind

    def start(self) -> bytes:
        """Nothing comes before the first line."""
        return b""

    def delta(self, delta: Delta) -> bytes:
        """One piece. Calls of tools come whole, in the last line."""
        match delta:
            case TextDelta(text, logprobs):
                return _line(self._head() | self._said(text) | _likely(logprobs) | {"done": False})
            case ReasoningDelta(text):
                return _line(self._head() | self._said("", thinking=text) | {"done": False})
            case _:
                return b""

    def end(self, result: Result) -> Iterator[bytes]:
        """The last line: calls of tools, why it ended, what was used."""
        tools = _tool_calls(result.answer)
        yield _line(self._head() | self._said("", tools=tools) | _ending(result))

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return _line(body)

    def whole(self, result: Result) -> Json:
        """The whole answer."""
        answer = result.answer
        said = self._said(answer.text, thinking=answer.reasoning, tools=_tool_calls(answer))
        return self._head() | said | _likely(answer.logprobs) | _ending(result)

    def _head(self) -> Json:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return {"model": self._model, "created_at": now}

    def _said(self, text: str, *, thinking: str = "", tools: list[Json] | None = None) -> Json:
        more: Json = {"thinking": thinking} if thinking else {}
        if self._kind == "generate":
            return {"response": text, **more}
        if tools:
            more["tool_calls"] = tools
        return {"message": {"role": "assistant", "content": text, **more}}


def _ending(result: Result) -> Json:
    used = result.answer.usage
    nanoseconds = round(result.latency * 1e9)
    return {
        "done": True,
        "done_reason": "length" if result.answer.stop == "length" else "stop",
        "total_duration": nanoseconds,
        "prompt_eval_count": used.input,
        "eval_count": used.output,
        "eval_duration": nanoseconds,
        "quorum": extension(result),
    }


def _likely(tokens: Sequence[Logprob]) -> Json:
    return {"logprobs": shown(tokens)} if tokens else {}


def _tool_calls(answer: Answer) -> list[Json]:
    return [
        {"id": use.id, "function": {"name": use.name, "arguments": arguments_of(use)}}
        for use in answer.tool_uses
    ]


def _line(value: Json) -> bytes:
    return codec.encode(value) + b"\n"
