"""How calls did over time, for charts."""

from pydantic import BaseModel, Field

from quorum_mcp import money
from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.reports import benchmarks, measures
from quorum_mcp.reports.benchmarks import Window
from quorum_mcp.reports.ops.benchmarks import ComparisonQuery
from quorum_mcp.reports.scope import tenant_of
from quorum_mcp.reports.timeline import SLOT, Slot, timeline
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures, Slots
from quorum_mcp.store.journal import Journal


class TimelinePoint(BaseModel):
    """The calls that began in one slot of time. Percentiles are null under 20 answered calls."""

    at: str = Field(description="When the slot begins, ISO 8601 in UTC.")
    requests: int = Field(description="Calls; simulated ones are not in them.")
    failed: int = Field(description="Those that ended with an error.")
    cost: float = Field(description="USD, over the calls whose cost is known.")
    p50_latency: float | None = Field(description="Seconds; null: not enough data.")
    p95_latency: float | None = Field(description="Seconds; null: not enough data.")
    p99_latency: float | None = Field(description="Seconds; null: not enough data.")
    cost_per_1k_tokens: float | None = Field(description="USD for 1,000 tokens; null: no price is known.")


class Timeline(BaseModel):
    """A window in equal slots, the oldest first; slots without calls are there too."""

    window: Window = Field(description="The window.")
    slot_seconds: int = Field(description="How long a slot is.")
    timeline: list[TimelinePoint] = Field(description="At most 400 slots.")


async def over_time(ctx: Context, given: ComparisonQuery) -> Timeline:
    """How calls did, slot by slot; the caller's own, the operator sees everybody's."""
    names = None if given.providers is None else tuple(one.strip() for one in given.providers.split(","))
    since = benchmarks.since(given.time_window)
    where = Slots(tenant=tenant_of(ctx.principal), providers=names, since=since)
    await ctx.get(Journal).flush()
    slots = await timeline(Figures(ctx.get(Database)), where, given.time_window)
    return Timeline(
        window=given.time_window,
        slot_seconds=SLOT[given.time_window] // MICROSECONDS,
        timeline=[_point(slot) for slot in slots],
    )


def _point(slot: Slot) -> TimelinePoint:
    return TimelinePoint(
        at=stamp(slot.starts_at / MICROSECONDS),
        requests=slot.sums.calls,
        failed=slot.sums.failed,
        cost=money.to_usd(slot.sums.cost),
        p50_latency=measures.seconds(slot.latency, 0.5),
        p95_latency=measures.seconds(slot.latency, 0.95),
        p99_latency=measures.seconds(slot.latency, 0.99),
        cost_per_1k_tokens=measures.cost_per_1k_tokens(slot.sums),
    )


OPERATIONS = [
    Operation(
        "benchmark.timeline", "How calls did over time, slot by slot.", over_time, ComparisonQuery, Timeline,
        http=Http("GET", "/api/benchmark/timeline"), table="timeline",
    ),
]  # fmt: skip
