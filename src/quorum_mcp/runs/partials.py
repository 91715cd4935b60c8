"""The text of calls in progress: numbered when it is shown, never stored, dropped when the call ends."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from quorum_mcp.events import Event, EventType, now


class Partial(Struct):
    """The text of a call in progress; `shown` characters of it have been given number `seq`.

    `life` tells a call that began anew from the one before.
    """

    data: dict[str, Any]
    type: EventType
    text: str = ""
    shown: int = 0
    seq: int = 0
    life: int = 0


class Partials:
    """The calls in progress of one run, by their keys."""

    def __init__(self) -> None:
        self._partials: dict[str, Partial] = {}
        self._lives = 0

    def add(self, key: str, text: str, data: dict[str, Any], kind: EventType) -> None:
        """More text of a call; `data` names it in every delta."""
        partial = self._partials.get(key)
        if partial is None:
            self._lives += 1
            partial = self._partials[key] = Partial(data=data, type=kind, life=self._lives)
        partial.text += text

    def put(self, key: str, partial: Partial) -> None:
        """A call as another process knows it."""
        self._partials[key] = partial

    def get(self, key: str) -> Partial | None:
        """A call in progress."""
        return self._partials.get(key)

    def items(self) -> Iterator[tuple[str, Partial]]:
        """The calls of which something was shown."""
        return ((key, one) for key, one in self._partials.items() if one.seq)

    def forget(self, key: str) -> None:
        """The call ended or starts anew: its text is dropped."""
        self._partials.pop(key, None)

    def clear(self) -> None:
        """The turn ended."""
        self._partials.clear()

    def show(self, number: int) -> int:
        """Number what is new, from `number` on; returns the next free number."""
        for partial in self._partials.values():
            if len(partial.text) > partial.shown:
                partial.shown = len(partial.text)
                partial.seq = number
                number += 1
        return number

    def since(self, run_id: str, after: int, offsets: dict[str, int]) -> list[Event]:
        """What was shown above the number `after`, as one delta a call; `offsets` is what its reader has of each."""
        found: list[Event] = []
        for key, partial in self._partials.items():
            if partial.seq > after:
                offset = offsets.get(key, 0)
                if offset > partial.shown:  # the call began anew
                    offset = 0
                data = partial.data | {"offset": offset, "text": partial.text[offset : partial.shown]}
                offsets[key] = partial.shown
                found.append(Event(run_id, partial.seq, now(), partial.type, data))
        return sorted(found, key=lambda event: event.seq)
