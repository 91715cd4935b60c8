"""A provider's stream as the caller sees it: in windows that the guardrails have seen."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, ReasoningDelta, TextDelta, ToolUseDelta
from quorum_mcp.calls.guardrails.held import Held
from quorum_mcp.calls.guardrails.hook import Window
from quorum_mcp.calls.guardrails.texts import (
    Piece,
    answer_with,
    texts_of_answer,
    texts_of_citations,
    with_citations,
    with_parts,
)
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

Judge = Callable[[Sequence[Piece], Window], Awaitable[Sequence[str]]]
"""What is passed on in place of some texts. Raises where nothing is."""
Channel = tuple[str, int]
"""One of the texts that a stream is made of: its kind, and which tool call it is the arguments of."""


class Windows:
    """One stream. What is passed on, and whether it differs from what came, is remembered for the whole answer."""

    def __init__(self, judge: Judge, size: int, overlap: int) -> None:
        self._judge = judge
        self._size = size
        self._overlap = overlap
        self._came: dict[Channel, list[str]] = {}
        self._passed: dict[Channel, list[str]] = {}
        self._open: tuple[Channel, Held] | None = None

    async def filtered(
        self, items: AsyncGenerator[Delta | Answer, None]
    ) -> AsyncGenerator[Delta | Answer, None]:
        """The items, with texts held back until they were judged, and the whole answer as it was passed on."""
        async with aclosing(items):
            async for item in items:
                if isinstance(item, Answer):
                    async for delta in self._close():
                        yield delta
                    yield await self._whole(item)
                    return
                channel, text = _of(item)
                if self._open is None or self._open[0] != channel:
                    async for delta in self._close():
                        yield delta
                    self._open = channel, Held(self._judging(channel), self._size, self._overlap)
                if isinstance(item, ToolUseDelta) and (item.id or item.name):
                    yield structs.replace(item, arguments="")
                self._came.setdefault(channel, []).append(text)
                if passed := await self._open[1].add(text):
                    yield self._pass_on(channel, passed)

    async def _close(self) -> AsyncGenerator[Delta, None]:
        """The rest of the open text: another one begins, or none."""
        if self._open is not None:
            channel, held = self._open
            self._open = None
            if passed := await held.end():
                yield self._pass_on(channel, passed)

    def _judging(self, channel: Channel) -> Callable[[str, Window], Awaitable[str]]:
        async def judge(text: str, window: Window) -> str:
            (new,) = await self._judge([Piece(channel[0], text)], window)
            return new

        return judge

    def _pass_on(self, channel: Channel, text: str) -> Delta:
        self._passed.setdefault(channel, []).append(text)
        kind, index = channel
        if kind == "text":
            return TextDelta(text)
        return ReasoningDelta(text) if kind == "reasoning" else ToolUseDelta(index, arguments=text)

    async def _whole(self, answer: Answer) -> Answer:
        """The answer's texts as they were passed on; where it holds others than those that came, they are judged."""
        came, passed = _joined(self._came), _joined(self._passed)
        if came != _channels(answer):
            pieces = texts_of_answer(answer)
            new = await self._judge(pieces, Window()) if pieces else ()
            return answer_with(answer, new)
        if pieces := texts_of_citations(answer):
            answer = with_citations(answer, await self._judge(pieces, Window()))
        return answer if came == passed else with_parts(answer, _parts(answer.parts, passed))


def _of(delta: Delta) -> tuple[Channel, str]:
    match delta:
        case TextDelta():
            return ("text", 0), delta.text
        case ReasoningDelta():
            return ("reasoning", 0), delta.text
        case ToolUseDelta():
            return ("tool_arguments", delta.index), delta.arguments


def _channels(answer: Answer) -> dict[Channel, str]:
    """The answer's texts as a stream of it would bring them."""
    found: dict[Channel, list[str]] = {}
    tools = 0
    for part in answer.parts:
        if isinstance(part, Text):
            found.setdefault(("text", 0), []).append(part.text)
        elif isinstance(part, Reasoning):
            found.setdefault(("reasoning", 0), []).append(part.text)
        elif isinstance(part, ToolUse):
            found["tool_arguments", tools] = [part.arguments]
            tools += 1
    return _joined(found)


def _joined(texts: dict[Channel, list[str]]) -> dict[Channel, str]:
    return {channel: text for channel, pieces in texts.items() if (text := "".join(pieces))}


def _parts(parts: Sequence[Part], passed: dict[Channel, str]) -> tuple[Part, ...]:
    """The parts with the texts that were passed on: all of one kind in the first part of that kind."""
    left, made, tools = dict(passed), list[Part](), 0
    for part in parts:
        if isinstance(part, Text):
            if text := left.pop(("text", 0), ""):
                made.append(Text(text))
        elif isinstance(part, Reasoning):
            text = left.pop(("reasoning", 0), "")
            made += [part] if text == part.text else [Reasoning(text)] if text else []
        elif isinstance(part, ToolUse):
            made.append(structs.replace(part, arguments=left.pop(("tool_arguments", tools), "")))
            tools += 1
        else:
            made.append(part)
    return tuple(made)
