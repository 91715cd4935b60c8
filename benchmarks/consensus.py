"""The quality of consensus on recorded answers of real models, through HTTP.

    python benchmarks/consensus.py [panels] [faults] [cpu] [agreement]

Without words, all parts. Prints Markdown tables; each bar stands beside its figure.
"""

import concurrent.futures
import json
import lzma
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import (
    PANELS,
    SHARED,
    cpu_seconds,
    is_right,
    judge,
    need_shared,
    post,
    quorum,
    replay,
    row,
    rows_of,
    score,
)

BARS = {  # panel: accuracy at least, calls at most
    "math-l5, 5 peers": (0.729, 3.35),
    "crux, 5": (0.880, 2.6),
    "gsm, 5": (0.957, 2.15),
    "mmlu-pro, top 3": (0.722, 2.38),
}
AGREEMENT_BARS = {  # set: AUROC at least, recall of agree at least
    "math-l5/reasoning-only": (0.90, 0.65),
    "gsm/reasoning-only": (0.96, 0.88),
    "mmlu-pro/full": (0.95, 0.85),
    "routerarena/full": (0.95, 0.90),
}
FAULTS = ("error", "limit", "hang", "empty", "garbage")


def data_of(name: str) -> Path:
    return SHARED / f"data/consensus/{name}.dev.jsonl.xz"


def panels() -> None:
    print("\n## Quick mode\n")
    row(
        "panel",
        "answers",
        "accuracy",
        "bar",
        "calls",
        "bar",
        "best single",
        "full majority",
        "ECE (early stop)",
        "AUROC",
    )
    row(*["---"] * 10)
    for name, (accuracy, calls) in BARS.items():
        data, models = data_of(PANELS[name][0]), PANELS[name][1]
        for form, options, slack in (
            ("", (), 0.0),
            ("half comply", ("--comply", "0.5"), 0.01),
            ("bare", ("--bare",), 0.04),
        ):
            with replay(data, *options) as upstream, tempfile.TemporaryDirectory() as home:
                with quorum(upstream, Path(home)) as (url, _):
                    got = score(url, data, models)
            bar = f">= {accuracy - slack:.3f}"
            most = f"<= {calls}" if not form else "-"
            row(
                name,
                form or "as asked",
                got["accuracy"],
                bar,
                got["mean_calls"],
                most,
                got["best_single"],
                got["majority"],
                got["ece"],
                got["auroc"],
            )


def faults() -> None:
    print("\n## One broken seat or writer, timeout_seconds 10, 48 questions of crux\n")
    row(
        "broken",
        "how",
        "runs in time",
        "completed",
        "degraded",
        "real error shown",
        "accuracy",
        "without that seat",
    )
    row(*["---"] * 8)
    data, models = PANELS["crux, 5"]
    first, *rest = [f"replay/{model}" for model in models.split(",")]
    questions = rows_of(data)[:48]
    for kind in FAULTS:
        broken = f"{first.partition('/')[2]}={kind}"
        with replay(data_of(data), "--fail", broken) as upstream, tempfile.TemporaryDirectory() as home:
            with quorum(upstream, Path(home)) as (url, _):
                base = [right for _, right, _ in asked_all(url, questions, {"panel": rest})]
                seat = asked_all(url, questions, {"panel": [first, *rest]})
                prose = asked_all(url, questions, {"panel": rest, "synthesizer": first})
        for name, runs in (("strongest seat", seat), ("writer", prose)):
            count = len(runs)
            row(
                name,
                kind,
                f"{sum(took <= 10.5 for took, _, _ in runs)} of {count}",
                f"{sum(answer.get('status') == 'completed' for _, _, answer in runs)}",
                f"{sum(bool(answer.get('degraded')) for _, _, answer in runs)}",
                f"{sum(shows_error(answer, first) for _, _, answer in runs)}",
                sum(right for _, right, _ in runs) / count,
                sum(base) / count,
            )


def asked_all(
    url: str, questions: list[Any], more: dict[str, Any]
) -> list[tuple[float, bool, dict[str, Any]]]:
    """Seconds, rightness and answer of each question, sixteen at a time."""
    bench = judge()

    def ask(question: Any) -> tuple[float, bool, dict[str, Any]]:
        began = time.monotonic()
        answer = post(f"{url}/api/query", {"query": question["question"], "timeout_seconds": 10, **more})
        return time.monotonic() - began, is_right(bench, question, answer.get("conclusion")), answer

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, questions))


def shows_error(answer: dict[str, Any], model: str) -> bool:
    """Whether the broken model's own error stands in the answer."""
    responses = answer.get("provider_responses", [])
    return any(
        f"{r['provider']}/{r['model']}" == model and r["status"] == "failed" and r["error"]["message"]
        for r in responses
    )


def cpu() -> None:
    print("\n## Server CPU of a quick run that stops after two calls, SQLite records on\n")
    data, models = data_of("gsm"), PANELS["gsm, 5"][1]
    panel = [f"replay/{model}" for model in models.split(",")]
    with lzma.open(data, "rt") as lines:
        questions = [json.loads(line)["question"] for line in lines]
    with (
        replay(data) as upstream,
        tempfile.TemporaryDirectory() as home,
        quorum(upstream, Path(home)) as (url, server),
    ):
        ask = lambda q: post(f"{url}/api/query", {"query": q, "panel": panel})  # noqa: E731
        short = [question for question in questions if ask(question).get("calls") == 2]
        spent: list[float] = []
        while len(spent) < 20:  # the clock ticks in 10 ms: ten runs at a time
            before = cpu_seconds(server.pid)
            for question in (short * 2)[len(spent) * 10 % 200 :][:10]:
                ask(question)
            spent.append((cpu_seconds(server.pid) - before) * 100)
    print(
        f"median of 20 x 10 runs: {statistics.median(spent):.1f} ms (bar: <= 15 ms), worst ten: {max(spent):.1f} ms"
    )


def agreement() -> None:
    print("\n## Agreement of labelled pairs, through POST /api/agreement\n")
    row("set", "pairs", "AUROC", "bar", "recall of agree", "bar", "precision of agree", "false agree")
    row(*["---"] * 8)
    with lzma.open(data_of("agreement_pairs"), "rt") as lines:
        pairs = [json.loads(line) for line in lines]
    with replay(data_of("gsm")) as upstream, tempfile.TemporaryDirectory() as home:
        with quorum(upstream, Path(home)) as (url, _):
            found = [post(f"{url}/api/agreement", {"a": pair["a"], "b": pair["b"]}) for pair in pairs]
    pooled = [0, 0]
    for name in sorted({pair["set"] for pair in pairs}):
        mine = [(pair["agree"], got) for pair, got in zip(pairs, found, strict=True) if pair["set"] == name]
        labels = [label for label, _ in mine]
        said = [got["agreement"] == "agree" for _, got in mine]
        true = sum(yes and label for yes, label in zip(said, labels, strict=True))
        false = sum(said) - true
        area, recall = AGREEMENT_BARS.get(name, ("-", "-"))
        if name in AGREEMENT_BARS:
            pooled = [pooled[0] + false, pooled[1] + labels.count(0)]
        got = (
            auroc([got["score"] for _, got in mine], labels),
            true / max(sum(labels), 1),
            true / max(sum(said), 1),
        )
        row(name, len(mine), got[0], area, got[1], recall, got[2], f"{false} of {labels.count(0)}")
    print(f"\nfalse agree, pooled over the sets with bars: {pooled[0] / pooled[1]:.4f} (bar: <= 0.03)")


def auroc(scores: list[float], labels: list[int]) -> float:
    """The chance that an agreeing pair scores higher than a disagreeing one; ties count half."""
    high = [score for score, label in zip(scores, labels, strict=True) if label]
    low = [score for score, label in zip(scores, labels, strict=True) if not label]
    return sum((h > d) + (h == d) / 2 for h in high for d in low) / (len(high) * len(low))


PARTS = {"panels": panels, "faults": faults, "cpu": cpu, "agreement": agreement}

if __name__ == "__main__":
    need_shared()
    for part in sys.argv[1:] or list(PARTS):
        PARTS[part]()
