"""Budgets for people: how they stand, setting and removing them, their alerts."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from quorum_mcp import money
from quorum_mcp.access.principal import Principal
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.budgets.budget import Budget, Origin
from quorum_mcp.calls.budgets.refusal import moment
from quorum_mcp.calls.budgets.scope import provider_named, tenant_named
from quorum_mcp.calls.budgets.standing import Standing, standings
from quorum_mcp.config.bounds import Period
from quorum_mcp.errors import Conflict, Forbidden, NotFound
from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Effect, Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.alerts import Alert, Alerts
from quorum_mcp.store.budgets import BudgetRow, budget_id
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.database import Database

ADMIN = frozenset({"admin"})
OPERATOR = "local"
"""The tenant of whoever runs this Quorum."""
MOST_USD = 1_000_000_000.0
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class BudgetView(BaseModel):
    """A budget in its current period; amounts in USD, times ISO 8601 in UTC."""

    id: str = Field(description="Its id.")
    period: Period = Field(description="`hourly`, `daily`, `weekly`, `monthly` or `total`.")
    provider: str | None = Field(description="The provider it holds for; null: all.")
    organization: str | None = Field(description="The organisation it holds for; null: all.")
    key_id: str | None = Field(description="The API key it holds for; null: all.")
    limit: float = Field(description="USD for each period.")
    spent: float = Field(description="USD billed in this period.")
    reserved: float = Field(description="USD set aside for calls under way.")
    remaining: float = Field(description="USD that are neither spent nor reserved.")
    percentage: float = Field(description="How much of the limit is spent, in percent.")
    enforce: bool = Field(description="Whether calls are refused at the limit; false: it only alerts.")
    alert_threshold: float = Field(description="The share of the limit at which an alert is raised, 0 to 1.")
    resets_at: str | None = Field(description="When the next period begins; null: never.")
    forecast: str | None = Field(
        description="When it is spent at this period's average rate; null: not within the period."
    )
    projected: float | None = Field(
        description="USD spent when the period ends, at that rate; null: it never ends."
    )
    closed: bool = Field(
        description="Whether a bill above what was set aside has closed it, until it is set again."
    )
    origin: Origin = Field(
        description="Who set it: `config` (quorum.yaml), `user`, `environment`, or `default` (nobody)."
    )


class Spending(BaseModel):
    """USD of all recorded calls."""

    total_spent: float = Field(description="USD.")
    providers: dict[str, float] = Field(description="USD by provider.")


# Its field `global` is a word that a class of Python cannot write.
_LISTED: dict[str, Any] = {
    "budgets": (list[BudgetView], Field(description="Those that concern the caller.")),
    "global": (Spending, Field(description="What was ever spent.")),
}
BudgetList = create_model("BudgetList", __doc__="Budgets, and what was spent in all.", **_LISTED)


class NewBudget(BaseModel):
    """A budget to set. One of the same period, provider, organisation and key is replaced."""

    model_config = ConfigDict(extra="forbid")
    period: Period = Field(description="`hourly`, `daily`, `weekly`, `monthly` or `total`.")
    limit: float = Field(
        gt=0, le=MOST_USD, allow_inf_nan=False, description="USD for each period, at least 0.000000001."
    )
    provider: Name | None = Field(None, description="The provider it holds for; absent: all.")
    organization: Name | None = Field(
        None, description="The organisation it holds for, by name or id; absent: all."
    )
    key_id: Name | None = Field(None, description="The API key it holds for; absent: all.")
    alert_threshold: float = Field(
        0.8,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="The share of the limit at which an alert is raised.",
    )
    enforce: bool = Field(True, description="Whether calls are refused at the limit; false: it only alerts.")


class BudgetId(BaseModel):
    """A budget."""

    model_config = ConfigDict(extra="forbid")
    budget_id: str = Field(max_length=200, description="The budget's id.")


class BudgetAlert(BaseModel):
    """One alert; amounts in USD."""

    timestamp: str = Field(description="When it was raised, ISO 8601 in UTC.")
    budget: str = Field(description="The budget's id.")
    period: str = Field(description="The budget's period.")
    provider: str | None = Field(description="The budget's provider; null: all.")
    percentage: float = Field(description="How much of the limit was spent, in percent.")
    spent: float = Field(description="USD billed in the period then.")
    limit: float = Field(description="USD for the period.")
    message: str = Field(description="The same in a sentence.")


class BudgetAlerts(BaseModel):
    """Alerts, newest first."""

    alerts: list[BudgetAlert] = Field(description="At most 100.")


class Reconciled(BaseModel):
    """What lost machines had set aside and is free again."""

    leases: int = Field(description="How many slices of budgets returned.")
    returned: float = Field(description="USD that were set aside in them.")


async def list_budgets(ctx: Context, _: Empty) -> BaseModel:
    """The budgets that concern the caller, and what was spent."""
    budgets, who = ctx.get(Budgets), ctx.principal
    found = await standings(budgets, lambda one: _sees(who, one))
    spent = await budgets.store.spent(None if _is_operator(who) else who.tenant)
    spending = Spending(
        total_spent=money.to_usd(sum(spent.values())),
        providers={provider: money.to_usd(cost) for provider, cost in spent.items()},
    )
    listed: dict[str, Any] = {"budgets": [_view(one) for one in found], "global": spending}
    return BudgetList(**listed)


async def set_budget(ctx: Context, given: NewBudget) -> BudgetView:
    """Set a budget, or replace the one of the same period and scope."""
    _require_operator(ctx.principal)
    budgets = ctx.get(Budgets)
    provider = None if given.provider is None else provider_named(ctx.get(Registry), given.provider)
    tenant = await tenant_named(ctx.get(Database), given.organization, given.key_id)
    row = BudgetRow(
        id=budget_id(given.period, provider, tenant, given.key_id),
        period=given.period,
        provider=provider,
        tenant=tenant,
        key_id=given.key_id,
        amount=max(1, money.from_usd(given.limit)),
        alert_threshold=given.alert_threshold,
        enforce=given.enforce,
    )
    await budgets.purse.settle_up()  # what is billed already counts
    await budgets.store.put(row, budgets.zone)
    found = await standings(budgets, lambda one: one.id == row.id)
    if not found:
        raise Conflict("the budget was removed by somebody else meanwhile", hint="set it again")
    return _view(found[0])


async def delete_budget(ctx: Context, given: BudgetId) -> BudgetView:
    """Remove a budget; what is set aside in it goes on."""
    _require_operator(ctx.principal)
    budgets = ctx.get(Budgets)
    found = await standings(budgets, lambda one: one.id == given.budget_id)
    if found and not found[0].budget.stored:
        raise Conflict(
            "this budget comes from a variable or its default, and cannot be removed",
            hint="set another budget in its place: POST /api/budget, or MCP_DAILY_LIMIT",
        )
    if not found or not await budgets.store.delete(given.budget_id):
        raise NotFound(f"there is no budget {given.budget_id}", hint="GET /api/budget lists them")
    await budgets.refresh()
    return _view(found[0])


async def list_alerts(ctx: Context, _: Empty) -> BudgetAlerts:
    """The last alerts of the budgets that concern the caller, newest first."""
    tenant = None if _is_operator(ctx.principal) else ctx.principal.tenant
    kinds = ("budget", "budget.overrun")
    found = await Alerts(ctx.get(Database)).recent(tenant=tenant, kinds=kinds, limit=100)
    return BudgetAlerts(alerts=[_alert(one) for one in found if tenant in (None, one.tenant)])


async def reconcile(ctx: Context, _: Empty) -> Reconciled:
    """Free what machines had set aside that are lost for good, with their journals."""
    _require_operator(ctx.principal)
    leases, returned = await ctx.get(Budgets).purse.reconcile()
    return Reconciled(leases=leases, returned=money.to_usd(returned))


def _is_operator(principal: Principal) -> bool:
    return principal.tenant == OPERATOR and "admin" in principal.scopes


def _require_operator(principal: Principal) -> None:
    if not _is_operator(principal):
        raise Forbidden(
            "only the operator sets budgets", hint="ask whoever runs this server, or use one of their keys"
        )


def _sees(principal: Principal, budget: Budget) -> bool:
    """What a tenant's key sees is about that tenant; the figures of the others are none of its business."""
    return _is_operator(principal) or budget.tenant == principal.tenant


def _view(standing: Standing) -> BudgetView:
    budget, state = standing.budget, standing.state
    return BudgetView(
        id=budget.id,
        period=budget.period,
        provider=budget.provider,
        organization=budget.tenant,
        key_id=budget.key_id,
        limit=money.to_usd(budget.amount),
        spent=money.to_usd(state.spent),
        reserved=money.to_usd(state.leased),
        remaining=money.to_usd(standing.remaining),
        percentage=round(100 * state.spent / budget.amount, 4),
        enforce=budget.enforce,
        alert_threshold=budget.alert_threshold,
        resets_at=moment(standing.window.resets_at),
        forecast=moment(standing.forecast),
        projected=None if standing.projected is None else money.to_usd(standing.projected),
        closed=state.closed and budget.stored,
        origin=budget.origin,
    )


def _alert(alert: Alert) -> BudgetAlert:
    figures = {name: alert.data[name] for name in ("period", "percentage", "spent", "limit")}
    return BudgetAlert(
        timestamp=stamp(alert.at / MICROSECONDS),
        budget=alert.subject,
        provider=alert.provider,
        message=alert.message,
        **figures,
    )


OPERATIONS = [
    Operation("budget.list", "The budgets and what is spent of them.", list_budgets, Empty, BudgetList,
              http=Http("GET", "/api/budget")),
    Operation("budget.set", "Set a budget, or replace the one of the same period and scope.", set_budget,
              NewBudget, BudgetView, Effect.WRITE, ADMIN, http=Http("POST", "/api/budget")),
    Operation("budget.delete", "Remove a budget.", delete_budget, BudgetId, BudgetView, Effect.WRITE, ADMIN,
              http=Http("DELETE", "/api/budget/{budget_id}")),
    Operation("budget.alerts", "The last alerts of budgets, newest first.", list_alerts, Empty, BudgetAlerts,
              http=Http("GET", "/api/budget/alerts")),
    Operation("budget.reconcile", "Free what lost machines had set aside.", reconcile, Empty, Reconciled,
              Effect.WRITE, ADMIN, http=Http("POST", "/api/budget/reconcile")),
]  # fmt: skip
