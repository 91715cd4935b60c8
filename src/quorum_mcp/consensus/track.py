"""What is known of a panel from labelled answers: who is strong, which rule decides, what a confidence means."""

from collections.abc import Sequence
from typing import Any

from quorum_mcp.consensus.decision import Guard


class Track:
    """The recorded track record. Without labelled answers: panel order, majority, raw shares."""

    def strength(self, member: str) -> float | None:
        """The share of right answers of a model, None without a record."""
        return None

    def guard(self, members: Sequence[str]) -> Guard:
        """The rule by which this panel decides."""
        return Guard()

    def confidence(self, members: Sequence[str], supporters: int, asked: int) -> tuple[float, str]:
        """How sure the panel may be: a probability, and `calibrated` or `uncalibrated`."""
        return supporters / asked, "uncalibrated"

    def statistics(self, members: Sequence[str]) -> dict[str, Any] | None:
        """Effective votes and all-wrong rate of the panel, where known."""
        return None
