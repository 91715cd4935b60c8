"""`quorum benchmark`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import table, talk, usd, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.reports.ops.benchmarks import Comparison, Leaderboard

METRICS = ("latency", "throughput", "cost", "success_rate", "quality")


@click.command(
    "benchmark",
    epilog=example("quorum benchmark --window 7d", "quorum benchmark --metric quality --window all"),
)
@click.option(
    "--window",
    type=click.Choice(("1h", "24h", "7d", "all")),
    default="24h",
    help="How far back; 24h by default.",
)
@click.option("--metric", type=click.Choice(METRICS), help="Rank the models by this.")
@json_option
@click.pass_obj
@asynchronous
async def command(session: Session, window: str, metric: str | None) -> None:
    """Compare models by the calls that were made of them, or rank them by one metric."""
    async with session.client() as quorum:
        if metric is None:
            found = await quorum.invoke("benchmark.providers", time_window=window)
        else:
            found = await quorum.invoke("benchmark.leaderboard", time_window=window, metric=metric)
    if session.as_json:
        value(found)
    elif metric is None:
        _compare(cast("Comparison", found))
    else:
        _rank(cast("Leaderboard", found))


def _compare(found: "Comparison") -> None:
    table(
        ("model", "calls", "mean", "p50", "p95", "p99", "tokens/s", "per 1k tokens", "success"),
        (
            (
                f"{line.provider}/{line.model}",
                line.n,
                _seconds(line.avg_latency),
                *map(_seconds, (line.p50_latency, line.p95_latency, line.p99_latency)),
                line.avg_throughput,
                usd(line.cost_per_1k_tokens),
                _share(line.success_rate),
            )
            for line in found.comparison
        ),
    )
    if any(line.note for line in found.comparison):
        talk("percentiles need 20 calls: there is not enough data where one is missing")


def _rank(found: "Leaderboard") -> None:
    table(
        ("rank", "model", found.metric, "unit", "n"),
        (
            (line.rank, f"{line.provider}/{line.model}", line.value, line.unit, line.n)
            for line in found.leaderboard
        ),
    )
    if found.left_out:
        talk(f"{found.left_out} model(s) are left out: fewer than 20 calls, not enough data")


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} s"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value * 100:.1f} %"
