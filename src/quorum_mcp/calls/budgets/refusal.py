"""What a caller is told when a budget does not hold what a call may cost."""

from datetime import UTC, datetime

from quorum_mcp import money
from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.errors import BudgetExceeded
from quorum_mcp.store.slices import Denial


def refusal(budget: Budget, denial: Denial, needed: int, available: int) -> BudgetExceeded:
    """The error: which budget, what is needed, what there is, when there is more, and what to do."""
    resets = moment(denial.window.resets_at)
    if denial.closed:
        what = f"the {budget.describe()} is closed: a bill was higher than what was set aside for it"
        now = "look at GET /api/budget/alerts, then set the budget again to open it"
    else:
        what = (
            f"the {budget.describe()} has {money.show(available)} left, "
            f"and this call may cost {money.show(needed)}"
        )
        now = "lower max_tokens, take a cheaper model, or raise the limit: " + _raise(budget)
    return BudgetExceeded(
        what,
        hint=f"{now}; it begins anew at {resets}" if resets else now,
        details={
            "budget": budget.id,
            "period": budget.period,
            "provider": budget.provider,
            "needed_usd": money.to_usd(needed),
            "available_usd": money.to_usd(available),
            "limit_usd": money.to_usd(denial.amount),
            "resets_at": resets,
        },
    )


def moment(at_us: int | None) -> str | None:
    """A time of the database as ISO 8601 in UTC."""
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _raise(budget: Budget) -> str:
    if budget.title is not None:
        return "MCP_DAILY_LIMIT"
    scope = f" --provider {budget.provider}" if budget.provider else ""
    scope += f" --organization {budget.tenant}" if budget.tenant and not budget.key_id else ""
    scope += f" --key {budget.key_id}" if budget.key_id else ""
    return f"quorum budget set {budget.period} USD{scope}"
