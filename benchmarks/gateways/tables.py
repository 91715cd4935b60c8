"""The tables that the benchmark prints."""

from gateways.measures import Measured
from gateways.running import Running
from harness import row


def shown(value: float | None, digits: int = 1) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None or value != value else f"{value:,.{digits}f}"


def quick_table(running: list[Running], result: Measured) -> None:
    """CPU of answers and streams, with ratios to the first gateway, and memory."""
    row(
        "gateway",
        "JSON c16 us",
        "x bare",
        "stream us",
        "x bare",
        "idle MiB",
        "loaded MiB",
        "start s",
        "start CPU s",
    )
    row("---", *["---:"] * 8)
    for one in running:
        row(
            one.name,
            shown(result.median(one.name, "json", "cpu")),
            shown(result.ratio(one.name, "bare", "json"), 2),
            shown(result.median(one.name, "stream", "cpu")),
            shown(result.ratio(one.name, "bare", "stream"), 2),
            shown(one.start.get("rss")),
            shown(result.median(one.name, "stream", "rss")),
            shown(one.start.get("seconds"), 2),
            shown(one.start.get("cpu"), 2),
        )
