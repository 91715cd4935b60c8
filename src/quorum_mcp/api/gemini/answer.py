"""A finished call, and the pieces of one under way, as Gemini answers."""

from collections.abc import Iterator, Sequence
from typing import Any

from quorum_mcp import codec
from quorum_mcp.answers import Delta, Logprob, ReasoningDelta, StopReason, TextDelta, Usage
from quorum_mcp.api.citations import grounding
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.reading import arguments_of
from quorum_mcp.calls.call import Result
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]
FINISH: dict[StopReason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_use": "STOP",
    "content_filter": "SAFETY",
    "other": "OTHER",
}


def response(result: Result) -> Json:
    """The whole answer."""
    parts = [piece for part in result.answer.parts for piece in _pieces(part)]
    return _last(parts, result, result.answer.logprobs)


class Chunks:
    """The chunks of one stream: of the same shape as the whole answer."""

    media_type = "text/event-stream"

    def start(self) -> bytes:
        """Nothing comes before the first chunk."""
        return b""

    def delta(self, delta: Delta) -> bytes:
        """One piece. Calls of functions come whole, in the last chunk."""
        match delta:
            case TextDelta(text, logprobs):
                return _event(_candidate([{"text": text}], None, logprobs))
            case ReasoningDelta(text):
                return _event(_candidate([{"text": text, "thought": True}], None))
            case _:
                return b""

    def end(self, result: Result) -> Iterator[bytes]:
        """The last chunk: calls of functions, why it ended, what was used."""
        parts = [
            piece for part in result.answer.parts if isinstance(part, ToolUse) for piece in _pieces(part)
        ]
        yield _event(_last(parts, result))

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return _event(body)


def _event(value: Json) -> bytes:
    return b"data: " + codec.encode(value) + b"\r\n\r\n"


def _candidate(parts: list[Json], finish: str | None, logprobs: Sequence[Logprob] = ()) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    if logprobs:
        candidate["avgLogprobs"] = sum(one.logprob for one in logprobs) / len(logprobs)
        candidate["logprobsResult"] = {
            "chosenCandidates": [_token(one) for one in logprobs],
            "topCandidates": [{"candidates": [_token(other) for other in one.top]} for one in logprobs],
        }
    return {"candidates": [candidate]}


def _token(one: Logprob) -> Json:
    return {"token": one.token, "logProbability": one.logprob}


def _last(parts: list[Json], result: Result, logprobs: Sequence[Logprob] = ()) -> Json:
    """The answer, or its last chunk: with the pages that it rests on."""
    shown = _candidate(parts, FINISH[result.answer.stop], logprobs) | _tail(result)
    if result.answer.citations:
        shown["candidates"][0]["groundingMetadata"] = grounding(result.answer)
    return shown


def _tail(result: Result) -> Json:
    return {
        "usageMetadata": _usage(result.answer.usage),
        "modelVersion": f"{result.provider}/{result.model}",
        "responseId": result.id,
        "quorum": extension(result),
    }


def _pieces(part: Part) -> list[Json]:
    match part:
        case Text(text):
            return [{"text": text}] if text else []
        case Reasoning(text, signature):
            seal = {"thoughtSignature": signature} if signature else {}
            return [{"text": text, "thought": True, **seal}] if text or seal else []
        case ToolUse(id, name):
            return [{"functionCall": {"id": id, "name": name, "args": arguments_of(part)}}]
        case _:
            raise TypeError(f"a model does not answer with a {type(part).__name__}")


def _usage(usage: Usage) -> Json:
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.input + usage.output,
    }
