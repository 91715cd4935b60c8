"""What a run may spend: one allowance that all its calls draw from."""

from functools import lru_cache

from quorum_mcp import money
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import BudgetExceeded


class Allowance:
    """A bound in nanodollars; calls reserve their worst case and settle to what was really billed.

    Invariant: reserved + spent never exceeds `limit` but for a bill above its own reservation.

    A `strict` one was asked for: the output cap is sent to the provider, and a model without a known price is
    refused. The default one is not: it bounds what has a price, and changes no request.
    """

    def __init__(self, limit: int, *, strict: bool = True) -> None:
        self.limit = limit
        self.strict = strict
        self.spent = 0
        self.reserved = 0

    @property
    def remaining(self) -> int:
        """Nanodollars that are neither spent nor reserved."""
        return self.limit - self.spent - self.reserved

    def reserve(self, amount: int, *, model: str) -> int:
        """Set `amount` aside; raises `BudgetExceeded` when it does not fit."""
        if amount > self.remaining:
            raise BudgetExceeded(
                f"the worst case of this call is {money.show(amount)}, and {money.show(self.remaining)} may be spent",
                hint="raise max_cost (at most MCP_MAX_COST_PER_REQUEST), lower max_tokens, or use a cheaper model",
                model=model,
                details={"needed_usd": money.to_usd(amount), "available_usd": money.to_usd(self.remaining)},
            )
        self.reserved += amount
        return amount

    @classmethod
    def of(cls, asked: int | None, settings: Settings) -> "Allowance":
        """The bound of one request: what was asked for, never above MCP_MAX_COST_PER_REQUEST."""
        most = _nanos(settings.max_cost_per_request)
        written = settings.sources.get("max_cost_per_request", "default") != "default"
        return cls(most if asked is None else min(asked, most), strict=written or asked is not None)

    def already(self, amount: int) -> None:
        """Count what was spent before this allowance was made: by a run's earlier owner."""
        self.spent += amount

    def settle(self, reservation: int, actual: int) -> None:
        """Replace a reservation by the bill."""
        self.reserved -= reservation
        self.spent += actual


@lru_cache(maxsize=8)
def _nanos(usd: float) -> int:
    return money.from_usd(usd)
