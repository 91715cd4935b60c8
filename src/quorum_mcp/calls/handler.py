"""Models that are not one provider's: names whose answer is made of other calls."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from quorum_mcp.answers import Delta
from quorum_mcp.calls.call import Call, Restart, Result

PREFIX = "quorum/"
"""What the names of such models begin with."""


class ModelHandler(Protocol):
    """Answers calls of the names below `quorum/`. It reserves nothing itself: the calls that it makes do."""

    def names(self) -> Sequence[str]:
        """The names that it answers to, with the prefix."""
        ...

    def stream(self, call: Call) -> AsyncGenerator[Delta | Restart | Result, None]:
        """The answer as it comes, and the `Result` last. Raises `ModelNotFound` for another name."""
        ...
