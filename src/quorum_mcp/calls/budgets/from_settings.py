"""The budgets that the settings ask for."""

from collections.abc import Callable
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from quorum_mcp import money
from quorum_mcp.calls.budgets.budget import Budget, Origin
from quorum_mcp.config.settings import Settings
from quorum_mcp.store.budgets import BudgetRow, budget_id


def fallback(settings: Settings) -> Budget:
    """DEFAULT_BUDGET_LIMIT and DEFAULT_BUDGET_PERIOD: the budget of all calls until one is set."""
    period = settings.default_budget_period
    return Budget(
        id=f"default_{period}",
        period=period,
        amount=money.from_usd(settings.default_budget_limit),
        origin=_origin(settings, "default_budget_limit", "default_budget_period"),
    )


def cap(settings: Settings) -> Budget:
    """MCP_DAILY_LIMIT: holds beside any other."""
    return Budget(
        id="daily_limit",
        period="daily",
        amount=money.from_usd(settings.daily_limit),
        origin=_origin(settings, "daily_limit"),
        title="daily limit (MCP_DAILY_LIMIT)",
    )


def rows(settings: Settings, provider_name: Callable[[str], str]) -> list[BudgetRow]:
    """`budgets:` of quorum.yaml; `provider_name` knows providers by their other names."""
    found: dict[str, BudgetRow] = {}
    for one in settings.budgets:
        provider = None if one.provider is None else provider_name(one.provider)
        row = BudgetRow(
            id=budget_id(one.period, provider, None, None),
            period=one.period,
            provider=provider,
            amount=money.from_usd(one.limit),
            alert_threshold=one.alert_threshold,
            enforce=one.enforce,
            origin="config",
            source=settings.config_file,
        )
        found[row.id] = row
    return list(found.values())


def timezone(settings: Settings) -> tzinfo:
    """The time zone in which days and months begin."""
    name = settings.records.timezone
    return UTC if name == "UTC" else ZoneInfo(name)


def _origin(settings: Settings, *keys: str) -> Origin:
    written = any(settings.sources.get(key, "default") != "default" for key in keys)
    return "environment" if written else "default"
