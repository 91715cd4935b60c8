"""The events of one streamed response: items are added, filled piece by piece, and done, in order."""

from collections.abc import Iterator
from typing import Any

from quorum_mcp import codec
from quorum_mcp.answers import Delta, ReasoningDelta, TextDelta, ToolUseDelta
from quorum_mcp.api.openai.responses.answer import Shape
from quorum_mcp.api.openai.responses.output import annotated, item_id, item_of, seal, text_part
from quorum_mcp.calls.call import Result
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Json = dict[str, Any]


class _Item:
    """An item that is being filled; `part` grows."""

    def __init__(self, part: Part, index: int, name: str) -> None:
        self.part = part
        self.index = index
        self.id = name


class Events:
    """The stream of one response.

    Text and reasoning are one open item; calls of tools may be open beside each other, as their pieces may come
    in turns.
    """

    media_type = "text/event-stream"

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._number = 0
        self._items: list[_Item] = []
        self._open: dict[object, _Item] = {}
        self._last: bytes | None = None

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
                began, item = self._item("text", Text(""))
                item.part = Text(_text(item.part) + text)
                return began + self._of(
                    item, "response.output_text.delta", delta=text, content_index=0, logprobs=[]
                )
            case ReasoningDelta(text):
                began, item = self._item("reasoning", Reasoning(""))
                item.part = Reasoning(_text(item.part) + text)
                return began + self._of(
                    item, "response.reasoning_summary_text.delta", delta=text, summary_index=0
                )
            case ToolUseDelta():
                begun = ToolUse(delta.id or new_id("call"), delta.name or "", "")
                began, item = self._item(delta.index, begun)
                assert isinstance(item.part, ToolUse)
                item.part = ToolUse(item.part.id, item.part.name, item.part.arguments + delta.arguments)
                return began + self._of(item, "response.function_call_arguments.delta", delta=delta.arguments)

    def finish(self, result: Result) -> None:
        """Close what is open and settle the response, so that it can be stored before its end is sent."""
        if self._last is None:
            self._last = self._close()
            self._shape.done(result, self._sealed(result))

    def end(self, result: Result) -> Iterator[bytes]:
        """The last events: the open items' end, and the whole response."""
        self.finish(result)
        yield self._last or b""
        done = self._shape.shown(result)
        yield self._event(f"response.{done['status']}", response=done)

    def failed(self, body: Json) -> bytes:
        """The body of an error in the middle of the stream."""
        return self._event("response.failed", response=self._shape.failed(body))

    def _sealed(self, result: Result) -> list[Json]:
        """The items of the stream; the provider's seals, which come with the answer's end, stand in its reasoning."""
        seals = {part.text: seal(part) for part in result.answer.parts if isinstance(part, Reasoning)}
        output = [item_of(item.part, item.id) for item in self._items]
        for item, shown in zip(self._items, output, strict=True):
            if isinstance(item.part, Reasoning) and (mark := seals.get(item.part.text)):
                shown["encrypted_content"] = mark
        return annotated(output, result.answer)

    def _item(self, key: object, begun: Part) -> tuple[bytes, _Item]:
        """The open item under `key`, and the events that open it where it is new."""
        if key in self._open:
            return b"", self._open[key]
        tool = isinstance(begun, ToolUse)
        closed = (
            b""
            if tool and all(isinstance(one.part, ToolUse) for one in self._open.values())
            else self._close()
        )
        index = len(self._items)
        item = self._open[key] = _Item(begun, index, item_id(self._shape.id, begun, index))
        self._items.append(item)
        shown = item_of(begun, item.id, status="in_progress")
        added = self._event("response.output_item.added", output_index=index, item=shown)
        if isinstance(begun, Text):
            added += self._of(item, "response.content_part.added", content_index=0, part=text_part(""))
        if isinstance(begun, Reasoning):
            part = {"type": "summary_text", "text": ""}
            added += self._of(item, "response.reasoning_summary_part.added", summary_index=0, part=part)
        return closed + added, item

    def _close(self) -> bytes:
        """Close what is open, in the order in which it began."""
        done = b"".join(self._done(item) for item in self._open.values())
        self._open.clear()
        return done

    def _done(self, item: _Item) -> bytes:
        match item.part:
            case Text(text):
                done = self._of(item, "response.output_text.done", text=text, content_index=0, logprobs=[])
                done += self._of(item, "response.content_part.done", content_index=0, part=text_part(text))
            case Reasoning(text):
                part = {"type": "summary_text", "text": text}
                done = self._of(item, "response.reasoning_summary_text.done", text=text, summary_index=0)
                done += self._of(item, "response.reasoning_summary_part.done", summary_index=0, part=part)
            case ToolUse(_, name, arguments):
                done = self._of(item, "response.function_call_arguments.done", arguments=arguments, name=name)
            case other:
                raise TypeError(f"a model does not answer with a {type(other).__name__}")
        shown = item_of(item.part, item.id)
        return done + self._event("response.output_item.done", output_index=item.index, item=shown)

    def _of(self, item: _Item, kind: str, **data: Any) -> bytes:
        return self._event(kind, item_id=item.id, output_index=item.index, **data)

    def _event(self, kind: str, **data: Any) -> bytes:
        self._number += 1
        body = {"type": kind, "sequence_number": self._number - 1, **data}
        return f"event: {kind}\ndata: ".encode() + codec.encode(body) + b"\n\n"


def _text(part: Part) -> str:
    return part.text if isinstance(part, Text | Reasoning) else ""
