"""The tables that the benchmark prints."""

from gateways.bars import Bar
from gateways.measures import Measured
from gateways.running import Running
from harness import row


def shown(value: float | None, digits: int = 1) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None or value != value else f"{value:,.{digits}f}"


def table(*columns: str) -> None:
    """The head of a table whose first column is text."""
    row(*columns)
    row("---", *["---:"] * (len(columns) - 1))


def cpu_table(running: list[Running], result: Measured) -> None:
    """CPU of answers and streams, with ratios to the barest proxy, and memory."""
    table(
        "gateway",
        "JSON us",
        "x bare",
        "stream us",
        "x bare",
        "idle MiB",
        "loaded MiB",
        "start s",
        "start CPU s",
    )
    for one in running:
        if one.pid is None:
            continue
        row(
            one.name,
            shown(result.median(one.name, "json", "cpu")),
            shown(result.ratio(one.name, "bare", "json"), 2),
            shown(result.median(one.name, "stream", "cpu")),
            shown(result.ratio(one.name, "bare", "stream"), 2),
            shown(one.start.get("rss")),
            shown(result.median(one.name, "json", "rss")),
            shown(one.start.get("seconds"), 2),
            shown(one.start.get("cpu"), 2),
        )


def latency_table(running: list[Running], result: Measured) -> None:
    """Latencies at one connection, and what paced streams cost."""
    table(
        "gateway",
        "c1 p50 ms",
        "c1 p99 ms",
        "c1 us",
        "c16 a second",
        "event us",
        "first byte ms",
        "reads of 51",
    )
    for one in running:
        row(
            one.name,
            shown(result.median(one.name, "single", "p50"), 2),
            shown(result.median(one.name, "single", "p99"), 2),
            shown(None if one.pid is None else result.median(one.name, "single", "cpu")),
            shown(result.median(one.name, "json", "rate"), 0),
            shown(None if one.pid is None else result.median(one.name, "paced", "cpu_event")),
            shown(result.median(one.name, "paced", "first"), 1),
            shown(result.median(one.name, "paced", "reads"), 1),
        )


def bars_table(bars: list[Bar]) -> None:
    """Every bar and whether it is met."""
    row("figure", "measured", "bar", "")
    row("---", "---:", "---", "---")
    for bar in bars:
        row(bar.what, shown(bar.value, 2), bar.bound, bar.verdict)
