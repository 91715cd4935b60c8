"""What a run may spend: one allowance that all its calls draw from."""

from quorum_mcp import money
from quorum_mcp.errors import BudgetExceeded


class Allowance:
    """A bound in nanodollars; calls reserve their worst case and settle to what was really billed.

    Invariant: reserved + spent never exceeds `limit` but for a bill above its own reservation.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
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
                hint="raise max_cost, lower max_tokens, or use a cheaper model",
                model=model,
                details={"needed_usd": money.to_usd(amount), "available_usd": money.to_usd(self.remaining)},
            )
        self.reserved += amount
        return amount

    def already(self, amount: int) -> None:
        """Count what was spent before this allowance was made: by a run's earlier owner."""
        self.spent += amount

    def settle(self, reservation: int, actual: int) -> None:
        """Replace a reservation by the bill."""
        self.reserved -= reservation
        self.spent += actual
