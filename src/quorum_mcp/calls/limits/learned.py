"""What providers tell of their own limits, by model."""

from msgspec import structs

from quorum_mcp.answers import ProviderLimits
from quorum_mcp.calls.limits.limit import Limit

LONGEST = 86_400.0
"""Seconds; a provider that asks for more than a day is not believed."""
MOST = 10_000
"""Models that are remembered; of more, the first one is forgotten."""


class Learned:
    """The limits of vendors as their answers tell them, each on a bucket `vendor:PROVIDER/MODEL`."""

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}

    def of(self, target: str) -> Limit | None:
        """What was learned of `provider/model`, or of `provider@deployment/model`."""
        return self._limits.get(target)

    def of_endpoint(self, endpoint: str) -> list[Limit]:
        """What was learned of the models at a provider, or at one of its deployments."""
        return [limit for name, limit in self._limits.items() if name.startswith(f"{endpoint}/")]

    def learn(self, target: str, told: ProviderLimits | None) -> Limit:
        """The limit of `provider/model`, with what was told now; what was not told stays."""
        known = self._limits.get(target) or Limit(f"vendor:{target}")
        if told is not None:
            known = structs.replace(
                known,
                requests=told.requests or known.requests,
                tokens=told.tokens or known.tokens,
            )
        if self._limits.get(target) != known:
            if len(self._limits) >= MOST:
                self._limits.pop(next(iter(self._limits)))
            self._limits[target] = known
        return self._limits[target]
