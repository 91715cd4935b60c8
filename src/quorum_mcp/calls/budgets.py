"""What may be spent in a period: budgets, and the money set aside from them."""

from collections.abc import Sequence

from msgspec import Struct

from quorum_mcp.calls.call import Call
from quorum_mcp.calls.record import Reserved
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.call_rows import Draw


class Budget(Struct, frozen=True, kw_only=True):
    """A limit for one period. A `strict` one was set by somebody: a model without a known price is refused."""

    id: str
    strict: bool


class Budgets:
    """The budgets of this process. None are set yet."""

    def of(self, call: Call, target: Target) -> Sequence[Budget]:
        """The enforced budgets that a call of a model counts towards."""
        del call, target
        return ()

    async def reserve(self, budgets: Sequence[Budget], amount: int, call: Call) -> tuple[Draw, ...]:
        """Set `amount` aside in each budget; raises `BudgetExceeded` where it does not fit."""
        del amount, call
        return tuple(Draw(budget.id, 0) for budget in budgets)

    def settle(self, reserved: Reserved, cost: int) -> None:
        """Replace a reservation by the bill, in this process; the database follows with the record."""
