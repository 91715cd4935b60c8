"""How often the cache could answer, by tenant, since the process began."""

from msgspec import Struct


class Counts(Struct):
    """Look-ups: `hits` found a kept answer, `joined` waited for an equal call's, `misses` had to ask."""

    hits: int = 0
    joined: int = 0
    misses: int = 0

    @property
    def hit_rate(self) -> float | None:
        """The share of look-ups that did not have to ask; None before the first."""
        asked = self.hits + self.joined + self.misses
        return (self.hits + self.joined) / asked if asked else None


def total(counts: "list[Counts]") -> Counts:
    """All of them together."""
    return Counts(sum(c.hits for c in counts), sum(c.joined for c in counts), sum(c.misses for c in counts))
