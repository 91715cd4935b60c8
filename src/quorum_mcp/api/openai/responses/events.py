"""The events of one streamed response: items are added, filled piece by piece, and done, in order."""

from collections.abc import Iterator
from typing import Any

from quorum_mcp import codec
from quorum_mcp.answers import Delta, ReasoningDelta, TextDelta, ToolUseDelta
from quorum_mcp.api.openai.responses.answer import Shape, item_of, text_part
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]


class Events:
    """The stream of one response."""

    media_type = "text/event-stream"

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._number = 0
        self._output: list[Json] = []
        self._open: Part | None = None
        self._index: int | None = None
        self._id = ""

    def start(self) -> bytes:
        """The first two events."""
        begun = self._shape.begun()
        return self._event("response.created", response=begun) + self._event(
            "response.in_progress", response=begun
        )

    def delta(self, delta: Delta) -> bytes:
        """One piece, with the item's start where it begins one."""
        match delta:
            case TextDelta(text):
                began = self._switch(Text, None, Text(""))
                self._open = Text(_text(self._open) + text)
                return began + self._part(
                    "response.output_text.delta", delta=text, content_index=0, logprobs=[]
                )
            case ReasoningDelta(text):
                began = self._switch(Reasoning, None, Reasoning(""))
                self._open = Reasoning(_text(self._open) + text)
                return began + self._part(
                    "response.reasoning_summary_text.delta", delta=text, summary_index=0
                )
            case ToolUseDelta():
                began = self._switch(
                    ToolUse, delta.index, ToolUse(delta.id or new_id("call"), delta.name or "", "")
                )
                assert isinstance(self._open, ToolUse)
                arguments = self._open.arguments + delta.arguments
                self._open = ToolUse(self._open.id, self._open.name, arguments)
                return began + self._part("response.function_call_arguments.delta", delta=delta.arguments)

    def end(self, result: Result) -> Iterator[bytes]:
        """The last events: the open item's end, and the whole response."""
        yield self._close()
        done = self._shape.done(result, self._output)
        yield self._event(f"response.{done['status']}", response=done)

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return self._event("response.failed", response=self._shape.failed(body))

    def _switch(self, kind: type[Part], index: int | None, begun: Part) -> bytes:
        """Open an item of this kind, unless it is the open one."""
        if type(self._open) is kind and self._index == index:
            return b""
        closed = self._close()
        self._open, self._index = begun, index
        self._id = new_id("msg" if kind is Text else "rs" if kind is Reasoning else "fc")
        added = self._event(
            "response.output_item.added", output_index=len(self._output), item=self._item("in_progress")
        )
        if kind is Text:
            added += self._part("response.content_part.added", content_index=0, part=text_part(""))
        if kind is Reasoning:
            part = {"type": "summary_text", "text": ""}
            added += self._part("response.reasoning_summary_part.added", summary_index=0, part=part)
        return closed + added

    def _close(self) -> bytes:
        """Close the open item."""
        match self._open:
            case None:
                return b""
            case Text(text):
                done = self._part("response.output_text.done", text=text, content_index=0, logprobs=[])
                done += self._part("response.content_part.done", content_index=0, part=text_part(text))
            case Reasoning(text):
                part = {"type": "summary_text", "text": text}
                done = self._part("response.reasoning_summary_text.done", text=text, summary_index=0)
                done += self._part("response.reasoning_summary_part.done", summary_index=0, part=part)
            case ToolUse(_, name, arguments):
                done = self._part("response.function_call_arguments.done", arguments=arguments, name=name)
            case other:
                raise TypeError(f"a model does not answer with a {type(other).__name__}")
        item = self._item("completed")
        done += self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open = None
        return done

    def _item(self, status: str) -> Json:
        assert self._open is not None
        item = item_of(self._open, self._id, status=status)
        assert item is not None
        return item

    def _part(self, kind: str, **data: Any) -> bytes:
        return self._event(kind, item_id=self._id, output_index=len(self._output), **data)

    def _event(self, kind: str, **data: Any) -> bytes:
        self._number += 1
        body = {"type": kind, "sequence_number": self._number - 1, **data}
        return f"event: {kind}\ndata: ".encode() + codec.encode(body) + b"\n\n"


def _text(part: Part | None) -> str:
    return part.text if isinstance(part, Text | Reasoning) else ""
