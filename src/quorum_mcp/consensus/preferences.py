"""What callers set for their own calls through MCP: a strategy, and limits that can only be lowered."""

from typing import Literal

from msgspec import Struct, structs

from quorum_mcp.access.principal import Principal
from quorum_mcp.consensus.plan import MODES, Mode, Strategy
from quorum_mcp.errors import Forbidden

TaskStrategy = Literal["external_enhancement", "max_quality_council", "progressive_deep_dive"]
Quality = Literal["fast", "balanced", "max"]
QUALITIES: tuple[Quality, ...] = ("fast", "balanced", "max")
SEVERAL_ROUNDS = ("external_enhancement", "progressive_deep_dive")
MOST_CALLERS = 10_000


class Preference(Struct, frozen=True, kw_only=True):
    """One caller's. `cost_limit` is USD for each call of a tool; `quality` bounds how it is deliberated."""

    strategy: TaskStrategy = "external_enhancement"
    cost_limit: float | None = None
    quality: Quality = "max"

    def mode(self, wanted: Mode) -> Mode:
        """The wanted mode, or the most thorough that the quality allows."""
        return MODES[min(MODES.index(wanted), QUALITIES.index(self.quality))]

    def strategy_of(self, wanted: Strategy | None) -> Strategy | None:
        """The wanted strategy, or none where the quality allows no more than one round."""
        return None if self.quality == "fast" and wanted in SEVERAL_ROUNDS else wanted

    def cost(self, wanted: float | None) -> float | None:
        """The lower of the wanted bound and the limit, USD."""
        known = [bound for bound in (wanted, self.cost_limit) if bound is not None]
        return min(known) if known else None


class Preferences:
    """Those of all callers of this process, for as long as it runs."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Preference] = {}

    def of(self, principal: Principal) -> Preference:
        """What holds for this caller."""
        return self._of.get((principal.tenant, principal.id), Preference())

    def set(
        self,
        principal: Principal,
        *,
        strategy: TaskStrategy | None,
        cost_limit: float | None,
        quality: Quality | None,
        most: float | None,
    ) -> Preference:
        """Change what is given. `most` is the operator's own bound on a call, USD.

        Raises:
            Forbidden: a limit would be raised.
        """
        now = self.of(principal)
        bound = now.cost(most)
        if cost_limit is not None and bound is not None and cost_limit > bound:
            raise Forbidden(
                f"the limit of {bound} USD can be lowered, not raised to {cost_limit}",
                hint="whoever runs the server can raise it",
            )
        if quality is not None and QUALITIES.index(quality) > QUALITIES.index(now.quality):
            raise Forbidden(
                f"the quality was limited to {now.quality!r} and cannot be raised to {quality!r}",
                hint="it holds until the server is started again",
            )
        changed = structs.replace(
            now,
            strategy=strategy or now.strategy,
            cost_limit=now.cost_limit if cost_limit is None else cost_limit,
            quality=quality or now.quality,
        )
        if len(self._of) >= MOST_CALLERS:
            self._of.pop(next(iter(self._of)))
        self._of[principal.tenant, principal.id] = changed
        return changed
