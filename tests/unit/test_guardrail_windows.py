"""Windows of a text: whatever a guardrail looks for is found wherever it lies, and nothing else changes."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.answers import Answer, Delta, ReasoningDelta, TextDelta, ToolUseDelta, Usage
from quorum_mcp.calls.guardrails.held import Held
from quorum_mcp.calls.guardrails.hook import Window
from quorum_mcp.calls.guardrails.stream import Windows
from quorum_mcp.calls.guardrails.texts import Piece
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

SECRET = re.compile(r"<[a-z]{1,10}>")
SIZE, OVERLAP = 24, 12
pytestmark = pytest.mark.anyio


class Judge:
    """Takes secrets out, and keeps what it saw."""

    def __init__(self) -> None:
        self.windows: list[tuple[str, Window]] = []

    async def __call__(self, text: str, window: Window) -> str:
        self.windows.append((text, window))
        return SECRET.sub("#", text)


PIECES = st.lists(
    st.one_of(st.text("ab <>", max_size=9), st.sampled_from(["<abc>", "<abcdefghij>", "<", ">"]))
)


@given(PIECES)
def test_a_text_in_windows_is_the_text_as_a_whole(pieces: list[str]) -> None:
    async def passed() -> tuple[list[str], Judge]:
        judge = Judge()
        held = Held(judge, SIZE, OVERLAP)
        return [*[await held.add(piece) for piece in pieces], await held.end()], judge

    out, judge = asyncio.run(passed())
    whole = "".join(pieces)
    assert "".join(out) == SECRET.sub("#", whole)
    covered = 0
    for text, window in judge.windows:  # every character is shown, and every border with what is around it
        assert whole[covered - window.overlap :].startswith(text)
        covered += len(text) - window.overlap
    assert covered == len(whole)


async def test_what_is_let_go_is_bounded_where_everything_is_rewritten() -> None:
    longest = 0

    async def upper(text: str, _: Window) -> str:
        nonlocal longest
        longest = max(longest, len(text))
        return text.upper()

    held = Held(upper, SIZE, OVERLAP)
    out = [await held.add("word ") for _ in range(500)]
    assert "".join([*out, await held.end()]) == "WORD " * 500
    assert longest <= 10 * SIZE


KINDS = st.sampled_from(["text", "reasoning", "tool 0", "tool 1"])
WORDS = st.sampled_from(["<abc>", "<abcdefghij>", "plain words ", "a <", "b> c"])


@given(st.lists(st.tuples(KINDS, WORDS), max_size=40))
def test_the_answer_is_what_its_stream_passed_on(told: list[tuple[str, str]]) -> None:
    """Text, reasoning and tool calls in any order: each is judged in windows, and the whole answer agrees with them."""
    tools = list(dict.fromkeys(kind for kind, _ in told if kind.startswith("tool")))

    async def judge(pieces: Sequence[Piece], _: Window) -> Sequence[str]:
        return [SECRET.sub("#", piece.text) for piece in pieces]

    async def came() -> AsyncGenerator[Delta | Answer, None]:
        begun = set[int]()
        for kind, words in told:
            if kind.startswith("tool"):
                index = tools.index(kind)
                if index not in begun:
                    begun.add(index)
                    yield ToolUseDelta(index, f"id{index}", "f")
                yield ToolUseDelta(index, arguments=words)
            else:
                yield TextDelta(words) if kind == "text" else ReasoningDelta(words)
        yield Answer(tuple(parts()), "stop", Usage(), "a")

    def parts() -> Iterator[Part]:
        if reasoning := of("reasoning"):
            yield Reasoning(reasoning, signature="signed")
        if text := of("text"):
            yield Text(text)
        for index, kind in enumerate(tools):
            yield ToolUse(f"id{index}", "f", of(kind))

    def of(kind: str) -> str:
        return "".join(words for one, words in told if one == kind)

    async def passed() -> list[Delta | Answer]:
        return [item async for item in Windows(judge, SIZE, OVERLAP).filtered(came())]

    *deltas, answer = asyncio.run(passed())
    assert isinstance(answer, Answer)
    assert "".join(one.text for one in deltas if isinstance(one, TextDelta)) == answer.text
    assert "".join(one.text for one in deltas if isinstance(one, ReasoningDelta)) == answer.reasoning
    for index, use in enumerate(answer.tool_uses):
        pieces = [one.arguments for one in deltas if isinstance(one, ToolUseDelta) and one.index == index]
        assert "".join(pieces) == use.arguments
    for part in answer.parts:
        if isinstance(part, Reasoning) and part.text != of("reasoning"):
            assert part.signature is None
    # A text that another one interrupts is judged as if it ended there: within one piece nothing gets through.
    for shown in (answer.text, answer.reasoning, *(use.arguments for use in answer.tool_uses)):
        assert "<abc>" not in shown
        assert "<abcdefghij>" not in shown
