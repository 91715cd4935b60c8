"""A finished call, and the pieces of one under way, as Anthropic's messages."""

from collections.abc import Iterator
from typing import Any

from quorum_mcp import codec
from quorum_mcp.answers import Answer, Delta, ReasoningDelta, StopReason, TextDelta, ToolUseDelta, Usage
from quorum_mcp.api.citations import locations, within
from quorum_mcp.api.openai.answer import extension
from quorum_mcp.api.reading import arguments_of
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]
STOPS: dict[StopReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_use": "tool_use",
    "content_filter": "refusal",
    "other": "end_turn",
}
_ENDING: Json = {"stop_reason": None, "stop_sequence": None, "stop_details": None, "container": None}
"""What a message says of its end before it comes; every field has to be there."""


def message(result: Result) -> Json:
    """The whole message."""
    return _head(f"msg_{result.id}", f"{result.provider}/{result.model}") | {
        "content": _content(result.answer),
        "stop_reason": STOPS[result.answer.stop],
        "usage": _usage(result.answer.usage),
        "quorum": extension(result),
    }


class Events:
    """The events of one stream: blocks are opened and closed as the kind of piece changes.

    Calls of tools may be open beside each other, as their pieces may come in turns.
    """

    media_type = "text/event-stream"

    def __init__(self, model: str) -> None:
        self._id = new_id("msg")
        self._model = model
        self._open: dict[tuple[str, int | None], int] = {}
        self._count = 0

    def start(self) -> bytes:
        """The first event."""
        usage = _usage(Usage())
        head = _head(self._id, self._model) | {
            "content": [],
            "usage": usage,
        }
        return _event("message_start", message=head)

    def delta(self, delta: Delta) -> bytes:
        """One piece, with the block's start where it begins one."""
        match delta:
            case TextDelta(text):
                opened, index = self._block("text", None, _block(Text("")))
                piece: Json = {"type": "text_delta", "text": text}
            case ReasoningDelta(text):
                opened, index = self._block("thinking", None, _block(Reasoning("")))
                piece = {"type": "thinking_delta", "thinking": text}
            case ToolUseDelta():
                begun = _block(ToolUse(delta.id or "", delta.name or "", ""))
                opened, index = self._block("tool_use", delta.index, begun)
                piece = {"type": "input_json_delta", "partial_json": delta.arguments}
        return opened + _event("content_block_delta", index=index, delta=piece)

    def end(self, result: Result) -> Iterator[bytes]:
        """The last events: signatures of reasoning, the usage, and why it ended."""
        sealed = next(
            (p.signature for p in result.answer.parts if isinstance(p, Reasoning) and p.signature), None
        )
        if sealed and (index := self._open.get(("thinking", None))) is not None:
            piece = {"type": "signature_delta", "signature": sealed}
            yield _event("content_block_delta", index=index, delta=piece)
        if (index := self._open.get(("text", None))) is not None:
            for cited in locations(result.answer.citations):
                piece = {"type": "citations_delta", "citation": cited}
                yield _event("content_block_delta", index=index, delta=piece)
        yield self._close()
        yield _event(
            "message_delta",
            delta=_ENDING | {"stop_reason": STOPS[result.answer.stop]},
            usage=_usage(result.answer.usage),
            quorum=extension(result),
        )
        yield _event("message_stop")

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return _event("error", **{name: value for name, value in body.items() if name != "type"})

    def _block(self, kind: str, number: int | None, begun: Json) -> tuple[bytes, int]:
        """The open block's number, and the events that open it where it is new."""
        key = (kind, number)
        if key in self._open:
            return b"", self._open[key]
        closed = b"" if kind == "tool_use" and all(one == kind for one, _ in self._open) else self._close()
        index = self._open[key] = self._count
        self._count += 1
        return closed + _event("content_block_start", index=index, content_block=begun), index

    def _close(self) -> bytes:
        closed = b"".join(_event("content_block_stop", index=index) for index in self._open.values())
        self._open.clear()
        return closed


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + codec.encode({"type": kind, **data}) + b"\n\n"


def _head(id: str, model: str) -> Json:  # noqa: A002 - the field's name
    return {"id": id, "type": "message", "role": "assistant", "model": model, **_ENDING}


def _content(answer: Answer) -> list[Json]:
    """The blocks, with the pages that each text rests on."""
    texts = [part for part in answer.parts if isinstance(part, Text) and part.text]
    blocks: list[Json] = []
    at = 0
    for part in answer.parts:
        if _empty(part):
            continue
        block = _block(part)
        if isinstance(part, Text) and answer.citations:
            end = at + len(part.text)
            cited = locations(within(answer.citations, at, end, last=part is texts[-1]))
            block |= {"citations": cited} if cited else {}
            at = end
        blocks.append(block)
    return blocks


def _empty(part: Part) -> bool:
    return isinstance(part, Text) and not part.text


def _block(part: Part) -> Json:
    match part:
        case Text(text):
            return {"type": "text", "text": text, "citations": None}
        case Reasoning(text, signature, opaque):
            if opaque is not None and not text:
                return {"type": "redacted_thinking", "data": opaque}
            return {"type": "thinking", "thinking": text, "signature": signature or ""}
        case ToolUse(id, name):
            called = {"type": "tool_use", "id": id, "name": name, "input": arguments_of(part)}
            return called | {"caller": {"type": "direct"}}
        case _:
            raise TypeError(f"a model does not answer with a {type(part).__name__}")


def _usage(usage: Usage) -> Json:
    searched = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    return {
        "input_tokens": usage.input - usage.cached - usage.cache_write,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning} if usage.reasoning else None,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_creation": None,
        "server_tool_use": searched if usage.searches else None,
        "service_tier": None,
        "inference_geo": None,
    }
