"""Benchmarks of providers and models, from the calls that were made."""

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.operations.card import Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.reports import benchmarks, measures
from quorum_mcp.reports.benchmarks import UNIT, Metric, Window
from quorum_mcp.reports.measures import ENOUGH
from quorum_mcp.reports.scope import tenant_of
from quorum_mcp.store.database import Database
from quorum_mcp.store.figures import Figures, Slots, Sums
from quorum_mcp.store.journal import Journal

TOO_FEW = "not enough data"


class BenchmarkWindow(BaseModel):
    """Which calls count: those begun in the window. Simulated ones never do."""

    model_config = ConfigDict(extra="forbid")
    time_window: Window = Field(
        "24h", description="How far back: `1h` begins on five minutes, `24h` and `7d` on a full hour."
    )


class ProviderFigures(BaseModel):
    """One provider in short."""

    requests: int = Field(description="Calls, those included that the cache answered.")
    n: int = Field(description="Calls that the provider answered: what the mean is taken over.")
    avg_latency: float | None = Field(description="Seconds; null without an answer.")
    success_rate: float | None = Field(
        description="Answered calls among those and the failures that are the provider's own; 0 to 1."
    )


class BenchmarkSummary(BaseModel):
    """All calls of a window, and each provider's. Only the caller's own; the operator sees everybody's."""

    window: Window = Field(description="The window.")
    total_requests: int = Field(description="Calls.")
    cached: int = Field(description="Calls that the cache answered; they count in no latency or rate.")
    total_cost: float = Field(description="USD, over the calls whose cost is known.")
    n: int = Field(description="Calls that a provider answered.")
    avg_latency: float | None = Field(description="Seconds; null without an answer.")
    success_rate: float | None = Field(description="0 to 1; null without a call to judge.")
    providers: dict[str, ProviderFigures] = Field(description="By provider.")


class ComparisonQuery(BenchmarkWindow):
    """Which providers to compare."""

    providers: str | None = Field(None, description="Their names with commas between; absent: all.")


class ComparisonLine(BaseModel):
    """One model of one provider. Percentiles are exact to 1 %, and null under 20 calls."""

    provider: str = Field(description="The provider.")
    model: str = Field(description="Its own name of the model.")
    requests: int = Field(description="Calls, those included that the cache answered.")
    n: int = Field(description="Calls that the provider answered: what latencies are taken over.")
    avg_latency: float | None = Field(description="Seconds from a call's start to its end.")
    p50_latency: float | None = Field(description="Seconds; null: not enough data.")
    p95_latency: float | None = Field(description="Seconds; null: not enough data.")
    p99_latency: float | None = Field(description="Seconds; null: not enough data.")
    p50_first_token: float | None = Field(description="Seconds to the first piece; null: not enough data.")
    avg_throughput: float | None = Field(
        description="Output tokens a second, from the first piece of an answer to its end."
    )
    cost_per_1k_tokens: float | None = Field(
        description="USD for 1,000 tokens, input and output together; null: no price is known."
    )
    success_rate: float | None = Field(description="0 to 1; null without a call to judge.")
    note: str | None = Field(description="`not enough data` where there are fewer than 20 answered calls.")


class Comparison(BaseModel):
    """Models beside one another, by provider and name."""

    window: Window = Field(description="The window.")
    comparison: list[ComparisonLine] = Field(description="One line for each model.")


class LeaderboardQuery(BenchmarkWindow):
    """What to rank by."""

    metric: Metric = Field(description="What to rank by.")
    limit: int = Field(10, ge=1, le=500, description="How many at most.")


class LeaderboardLine(BaseModel):
    """One place."""

    rank: int = Field(description="1 is the best; equal values share a rank.")
    provider: str = Field(description="The provider.")
    model: str = Field(description="Its own name of the model.")
    value: float = Field(
        description="The median latency, the mean throughput, the cost, the success rate, or the share of right answers."
    )
    unit: str = Field(description="`s`, `tokens/s`, `USD/1k tokens` or `ratio`.")
    n: int = Field(description="Calls, or judged answers, behind the value; at least 20.")


class Leaderboard(BaseModel):
    """Models in order, the best first."""

    metric: Metric = Field(description="What it is ranked by.")
    window: Window = Field(description="The window.")
    leaderboard: list[LeaderboardLine] = Field(description="The best first.")
    left_out: int = Field(description="Models with fewer than 20 calls, or judged answers: not enough data.")


async def summary(ctx: Context, given: BenchmarkWindow) -> BenchmarkSummary:
    """All calls of a window, and each provider's."""
    figures, where = await _figures(ctx), _where(ctx, given.time_window)
    by_provider = await figures.sums(where, ("provider",), measures.SUMMARY)
    total = sum(by_provider.values(), Sums())
    return BenchmarkSummary(
        window=given.time_window,
        total_requests=total.calls,
        cached=total.cached,
        total_cost=money.to_usd(total.cost),
        n=total.answered,
        avg_latency=measures.mean_latency(total),
        success_rate=measures.success_rate(total),
        providers={
            str(name): ProviderFigures(
                requests=sums.calls,
                n=sums.answered,
                avg_latency=measures.mean_latency(sums),
                success_rate=measures.success_rate(sums),
            )
            for (name,), sums in sorted(by_provider.items())
        },
    )


async def compare(ctx: Context, given: ComparisonQuery) -> Comparison:
    """Models beside one another."""
    where = _where(ctx, given.time_window, given.providers)
    figures = await _figures(ctx)
    sums = await figures.sums(where, ("provider", "model"))
    latencies = await figures.histograms(where, "latency")
    first = await figures.histograms(where, "first_token")
    lines = [
        _line(
            str(key[0]), str(key[1]), of, latencies.get((key[0], key[1]), {}), first.get((key[0], key[1]), {})
        )
        for key, of in sorted(sums.items())
    ]
    return Comparison(window=given.time_window, comparison=lines)


def _line(
    provider: str, model: str, sums: Sums, latency: dict[int, int], first_token: dict[int, int]
) -> ComparisonLine:
    n = sum(latency.values())
    return ComparisonLine(
        provider=provider,
        model=model,
        requests=sums.calls,
        n=n,
        avg_latency=measures.mean_latency(sums),
        p50_latency=measures.seconds(latency, 0.5),
        p95_latency=measures.seconds(latency, 0.95),
        p99_latency=measures.seconds(latency, 0.99),
        p50_first_token=measures.seconds(first_token, 0.5),
        avg_throughput=measures.throughput(sums),
        cost_per_1k_tokens=measures.cost_per_1k_tokens(sums),
        success_rate=measures.success_rate(sums),
        note=TOO_FEW if n < ENOUGH else None,
    )


async def leaderboard(ctx: Context, given: LeaderboardQuery) -> Leaderboard:
    """Models in order of one metric; what is built in is no language model, and does not compete."""
    await ctx.get(Journal).flush()
    own = {one.name for one in ctx.get(Registry).describe() if one.kind == "builtin"}
    where = _where(ctx, given.time_window)
    ranking = await benchmarks.rank(ctx.get(Database), where, given.metric, own)
    values = [place.value for place in ranking.places]
    lines = [
        LeaderboardLine(
            rank=values.index(place.value) + 1,
            provider=place.model[0],
            model=place.model[1],
            value=place.value,
            unit=UNIT[given.metric],
            n=place.n,
        )
        for place in ranking.places[: given.limit]
    ]
    return Leaderboard(
        metric=given.metric, window=given.time_window, leaderboard=lines, left_out=ranking.left_out
    )


async def _figures(ctx: Context) -> Figures:
    """The figures, with what ended a moment ago."""
    await ctx.get(Journal).flush()
    return Figures(ctx.get(Database))


def _where(ctx: Context, window: Window, providers: str | None = None) -> Slots:
    names = (
        None if providers is None else tuple(name.strip() for name in providers.split(",") if name.strip())
    )
    return Slots(tenant=tenant_of(ctx.principal), providers=names, since=benchmarks.since(window))


OPERATIONS = [
    Operation(
        "benchmark.summary", "How calls did in a window of time, and each provider's.", summary,
        BenchmarkWindow, BenchmarkSummary, http=Http("GET", "/api/benchmark/summary"),
    ),
    Operation(
        "benchmark.providers", "Latency, throughput, cost and success of models beside one another.", compare,
        ComparisonQuery, Comparison, http=Http("GET", "/api/benchmark/providers"), table="comparison",
    ),
    Operation(
        "benchmark.leaderboard", "Models in order of one metric.", leaderboard, LeaderboardQuery, Leaderboard,
        http=Http("GET", "/api/benchmark/leaderboard/{metric}"), table="leaderboard",
    ),
]  # fmt: skip
