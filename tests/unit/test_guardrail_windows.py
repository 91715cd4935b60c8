"""Windows of a text: whatever a guardrail looks for is found wherever it lies, and nothing else changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.calls.guardrails.held import Held
from quorum_mcp.calls.guardrails.hook import Window

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
    import asyncio

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
