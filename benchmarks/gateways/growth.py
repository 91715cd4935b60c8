"""How the cost of a call grows: with connections, with the size of a request, with models and with keys."""

from pathlib import Path

from gateways.bars import Bar
from gateways.gateways import bare, body, quorum
from gateways.measures import Measured
from gateways.plot import Line, plot
from gateways.running import Running
from gateways.tables import bars_table, shown, table
from harness import row

CONNECTIONS = (1, 4, 16, 64, 256, 1024)
SIZES = (400, 12_000, 100_000)
MODELS, KEYS = 1_000, 10_000
FROM, TO, MOST = 16, 1024, 1.5


def growth(upstream: int, home: Path, rounds: int, seconds: float, picture: Path | None) -> None:
    """Measure and print the tables; `picture` is where the plot goes."""
    result = Measured()
    with (
        bare(upstream, home) as barest,
        quorum(upstream, home / "one") as one,
        quorum(upstream, home / "many", models=MODELS, keys=KEYS) as many,
    ):
        many.name = "many"
        for server in (barest, one, many):
            server.drive([body(server.model)], 16, 2.0)
        for _ in range(rounds):
            for count in CONNECTIONS:
                for server in (barest, one):
                    _run(result, server, f"c{count}", [body(server.model)], count, seconds)
            for size in SIZES:
                for server in (barest, one):
                    _run(result, server, f"s{size}", [body(server.model, size=size)], FROM, seconds)
            names = [f"lab/model-{number}" for number in range(1, MODELS)]
            _run(result, many, "models", [body(name) for name in names], FROM, seconds)
    _print(result)
    if picture is not None:
        picture.write_text(_plot(result))


def _run(
    result: Measured, server: Running, name: str, bodies: list[str], connections: int, seconds: float
) -> None:
    run = server.drive(bodies, connections, seconds)
    if run["errors"]:
        result.errors[server.name, name] = f"{run['errors']} errors of {run['answered']}: {run['bad']}"
    if run["answered"]:
        result.runs.setdefault((server.name, name), []).append(run)


def _print(result: Measured) -> None:
    table("16 connections unless said", "barest us", "Quorum us", "ratio", "Quorum p50 ms", "p99 ms", "MiB")
    named = [(f"connections: {count:,}", f"c{count}", "Quorum") for count in CONNECTIONS]
    named += [(f"{size / 1000:g} kB requests", f"s{size}", "Quorum") for size in SIZES]
    named += [(f"{MODELS:,} models and {KEYS:,} keys in turn", "models", "many")]
    for words, name, server in named:
        row(
            words,
            shown(result.median("bare", name, "cpu")),
            shown(result.median(server, name, "cpu")),
            shown(result.ratio(server, "bare", name), 2),
            shown(result.median(server, name, "p50"), 2),
            shown(result.median(server, name, "p99"), 1),
            shown(result.median(server, name, "rss"), 0),
        )
    print()
    bars_table([
        Bar(f"CPU a request, {TO:,} connections over {FROM}", _grown(result, f"c{FROM}", f"c{TO}"), f"<= {MOST}"),
    ])  # fmt: skip
    for (server, name), why in result.errors.items():
        print(f"\nerrors: {server}, {name}: {why}")


def _grown(result: Measured, before: str, after: str) -> float | None:
    first, last = (result.median("Quorum", name, "cpu") for name in (before, after))
    return None if first is None or last is None else last / first


def _plot(result: Measured) -> str:
    lines = []
    for name, words in (("Quorum", "Quorum, every control on"), ("bare", "barest proxy")):
        points = [(count, result.median(name, f"c{count}", "cpu") or 0.0) for count in CONNECTIONS]
        lines.append(Line(words, points))
    return plot("CPU a request, microseconds, by connections", lines)
