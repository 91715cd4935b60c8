"""How many WebSockets may be open at once: a flood of one caller leaves room for the others."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from quorum_mcp.errors import RateLimited

MOST = 512
MOST_OF_ONE = 128
RETRY_SECONDS = 5.0


class Crowd:
    """The open WebSockets of this process, by caller."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, caller: str) -> Generator[None, None, None]:
        """A place for one more of a caller's, while the context is open. Raises `RateLimited`."""
        if self._open[caller] >= self._most_of_one or self._open.total() >= self._most:
            raise RateLimited(
                f"too many WebSockets are open: {self._open[caller]} of this caller, {self._open.total()} in all",
                hint="close some; one connection can follow and ask many things at once",
                retry_after=RETRY_SECONDS,
            )
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
