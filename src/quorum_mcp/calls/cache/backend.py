"""What keeps answers, as bytes: this process's memory, or Redis."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

Match = Callable[[str], bool]


class Stored(Struct, frozen=True):
    """How much is kept; `size` is bytes. None where it cannot be told."""

    entries: int | None
    size: int | None


class Backend(Protocol):
    """Keeps values by their keys for some time; what cannot be had is absent."""

    name: str

    async def get(self, key: str) -> bytes | None:
        """The value, unless it is absent or too old."""
        ...

    def put(self, key: str, value: bytes, done: Callable[[], None]) -> None:
        """Keep a value; `done` is called when it can be had, or never will."""
        ...

    async def remove(self, prefix: str, match: Match) -> int:
        """Forget the values whose key begins with `prefix` and matches; how many there were.

        Raises `StoreUnavailable` where it cannot.
        """
        ...

    async def stored(self, prefix: str) -> Stored:
        """How much is kept under keys that begin with `prefix`."""
        ...

    async def close(self) -> None:
        """Finish what was begun."""
        ...
