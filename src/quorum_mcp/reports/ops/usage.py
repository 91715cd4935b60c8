"""Usage: requests, tokens and cost by organisation, key, model, provider, tag or day; as JSON or CSV."""

from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.config.settings import Settings
from quorum_mcp.operations.card import Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.reports.scope import tenant_of
from quorum_mcp.reports.usage import GroupBy, usage
from quorum_mcp.runs.ops import micros
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures, Slots, Sums
from quorum_mcp.store.journal import Journal


class UsageQuery(BaseModel):
    """What to sum up. Slots of 5 minutes, for what is long ago of an hour, are in or out as a whole."""

    model_config = ConfigDict(extra="forbid")
    group_by: GroupBy = Field("model", description="What makes a group.")
    since: str | None = Field(
        None, description="Begun at or after, ISO 8601; absent: from the first call on."
    )
    until: str | None = Field(None, description="Begun before, ISO 8601; absent: up to now.")


class UsageLine(BaseModel):
    """One group."""

    group: str | None = Field(
        description="The organisation's or key's id, `provider/model`, the provider, the tag, or the day as 2026-11-21; null: calls without a key, or without a tag."
    )
    name: str | None = Field(description="What an organisation or a key is called; null for other groups.")
    requests: int = Field(description="Calls; simulated ones are not in them.")
    succeeded: int = Field(description="Those that ended with an answer.")
    failed: int = Field(description="Those that ended with an error.")
    cached: int = Field(description="Those that the cache answered, for nothing.")
    input_tokens: int = Field(description="Tokens of prompts.")
    output_tokens: int = Field(description="Tokens of answers.")
    cost: float = Field(description="USD, over the calls whose cost is known.")
    unpriced: int = Field(description="Calls whose cost is not known.")


class UsageReport(BaseModel):
    """Usage by group, and in all: there, a call with several tags counts once."""

    group_by: GroupBy = Field(description="What makes a group.")
    usage: list[UsageLine] = Field(description="One line for each group, by name.")
    total: UsageLine = Field(description="All of it.")


async def report(ctx: Context, given: UsageQuery) -> UsageReport:
    """Requests, tokens and cost of each group; the caller's own, the operator sees everybody's."""
    where = Slots(
        tenant=tenant_of(ctx.principal),
        since=micros("since", given.since),
        until=micros("until", given.until),
    )
    await ctx.get(Journal).flush()  # what ended a moment ago belongs to it
    figures = Figures(ctx.get(Database))
    found = await usage(figures, given.group_by, where, ZoneInfo(ctx.get(Settings).records.timezone))
    names = await figures.names(given.group_by)
    return UsageReport(
        group_by=given.group_by,
        usage=[_line(group, names.get(group or ""), sums) for group, sums in found.groups.items()],
        total=_line("total", None, found.total),
    )


def _line(group: str | None, name: str | None, sums: Sums) -> UsageLine:
    return UsageLine(
        group=group,
        name=name,
        requests=sums.calls,
        succeeded=sums.ok,
        failed=sums.failed,
        cached=sums.cached,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cost=money.to_usd(sums.cost),
        unpriced=sums.calls - sums.priced,
    )


OPERATIONS = [
    Operation(
        "usage", "Requests, tokens and cost by organisation, key, model, provider, tag or day.", report,
        UsageQuery, UsageReport, http=Http("GET", "/api/usage"), table="usage",
    ),
]  # fmt: skip
