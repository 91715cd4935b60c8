"""The recorded track record: labelled answers in the database, and what they teach about any panel."""

import asyncio
import time
from collections.abc import Sequence

from quorum_mcp import codec
from quorum_mcp.consensus.calibration import ENOUGH, Calibration, learn
from quorum_mcp.consensus.decision import Guard
from quorum_mcp.consensus.labelled import Labelled
from quorum_mcp.store.calibrations import Calibrations

FRESH_SECONDS = 1.0


class Track:
    """Labelled answers by their source: a calibration's name, or the session and turn that a user scored.

    Without labelled answers: the panel's own order, majority, raw shares.
    """

    def __init__(self, store: Calibrations, *, enabled: bool) -> None:
        self._store = store
        self._enabled = enabled
        self._version = (0, 0)
        self._looked = float("-inf")
        self._questions: list[Labelled] = []
        self._strengths: dict[str, float] = {}
        self._panels: dict[tuple[str, ...], Calibration] = {}

    async def refresh(self) -> None:
        """Read what this or another process has stored since; looks once a second at the most."""
        if not self._enabled or time.monotonic() - self._looked < FRESH_SECONDS:
            return
        self._looked = time.monotonic()
        version = await self._store.version()
        if version == self._version:
            return
        stored = await self._store.all()
        self._questions = [one for data in stored.values() for one in codec.decode(data, list[Labelled])]
        members = sorted({member for question in self._questions for member in question.correct})
        self._strengths = _strengths(self._questions, members)
        self._panels = {}
        self._version = version

    def strength(self, member: str) -> float | None:
        """The share of right answers of a model, None without a record."""
        return self._strengths.get(member)

    async def of(self, models: Sequence[str]) -> Calibration:
        """What is known of a panel; models that sit twice count once."""
        members = tuple(dict.fromkeys(models))
        if not self._questions:
            return Calibration(members=members)
        if members not in self._panels:
            # Some thousand votes are counted: in a thread, once for a panel.
            found = await asyncio.to_thread(learn, self._questions, members, ordered=True)
            if found.labels < ENOUGH:
                found.guard = Guard()
            self._panels[members] = found
        return self._panels[members]

    async def add(self, source: str, questions: Sequence[Labelled]) -> None:
        """Store labelled answers under the name of their source; they replace what it gave before."""
        await self._store.put(source, questions)
        self._looked = float("-inf")
        await self.refresh()


def _strengths(questions: Sequence[Labelled], members: Sequence[str]) -> dict[str, float]:
    """Right answers over answers, drawn a little to one half."""
    right = dict.fromkeys(members, 1.0)
    total = dict.fromkeys(members, 2.0)
    for question in questions:
        for member, label in question.correct.items():
            if label is not None:
                right[member] += label
                total[member] += 1
    return {member: right[member] / total[member] for member in members if total[member] > 2}
