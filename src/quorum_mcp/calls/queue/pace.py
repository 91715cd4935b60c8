"""How long calls hold their places, as far as the last ones tell."""

NEWEST = 0.1
"""The weight of the newest call in the mean."""
ENOUGH = 10
"""Calls that have to have ended before the mean says anything."""


class Pace:
    """The moving mean of the seconds that calls held a place."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._ended = 0

    def add(self, seconds: float) -> None:
        """A call has held its place for so long."""
        self._ended += 1
        self._mean += (seconds - self._mean) * max(NEWEST, 1 / self._ended)

    def seconds(self, calls: float) -> float | None:
        """Seconds until so many calls, one after another, have ended; None while too few are known."""
        return self._mean * calls if self._ended >= ENOUGH else None
