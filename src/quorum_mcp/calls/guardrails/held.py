"""A text on its way to a caller, of which nothing is let go before a guardrail has seen it with what follows."""

import time
from collections.abc import Awaitable, Callable

from quorum_mcp.calls.guardrails.hook import Window

Judge = Callable[[str, Window], Awaitable[str]]
"""What is passed on in place of a text. Raises where nothing is."""
MOST_WINDOWS = 8
"""So many windows are held at most, while a guardrail rewrites the end of each."""
SECONDS = 1.0
"""After which a window that is not full yet is shown: a slow model's readers need not wait for all of it."""
NEAR = 8
"""Characters after a change that show that it was not of something which goes on."""


class Held:
    """The part of one text that was not passed on yet.

    The last `overlap` characters of each window stay, unchanged, and are shown again with the next one: whatever
    is no longer than that is seen whole before any of it is passed on.
    """

    def __init__(self, judge: Judge, size: int, overlap: int) -> None:
        self._judge = judge
        self._size = size
        self._overlap = overlap
        self._text = ""
        self._seen = 0
        self._number = 0
        self._since = time.monotonic()

    async def add(self, text: str) -> str:
        """Take more of the text; what may be passed on now."""
        self._text += text
        new = len(self._text) - self._seen
        late = new > self._overlap and time.monotonic() - self._since >= SECONDS
        if new < self._size and not late:
            return ""
        return await self._pass_on(last=False)

    async def end(self) -> str:
        """No more of the text comes: the rest of it."""
        return await self._pass_on(last=True) if self._text else ""

    async def _pass_on(self, *, last: bool) -> str:
        window = Window(self._number, last=last, overlap=self._seen)
        self._number += 1
        new = await self._judge(self._text, window)
        if last:
            self._text, self._seen = "", 0
            return new
        passed, self._text = parted(self._text, new, self._overlap, most=MOST_WINDOWS * self._size)
        self._seen, self._since = len(self._text), time.monotonic()
        return passed


def parted(shown: str, new: str, overlap: int, *, most: int) -> tuple[str, str]:
    """What is passed on of `new`, and what of `shown` is kept to be shown again.

    What was changed near the end may be the beginning of something longer: then all is kept as it was, with what
    stands before it, unless that is more than `most` characters.
    """
    same = len(new) if new == shown else _common(shown[::-1], new[::-1])
    if new != shown and same < NEAR and len(shown) <= most:
        return "", shown
    at = len(new) - min(same, overlap)
    return new[:at], new[at:]


def _common(a: str, b: str) -> int:
    """How many first characters both have."""
    for at, (one, other) in enumerate(zip(a, b, strict=False)):
        if one != other:
            return at
    return min(len(a), len(b))
