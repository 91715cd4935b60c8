"""What calibration learns on one half of the recorded questions, tested on the other half, through HTTP.

    python benchmarks/calibration.py [guard] [confidence]

guard: the rule that decides, learnt by POST /api/calibrate. confidence: one exhaustive run for each panel, then 20
shuffled halvings of its stored answers.
"""

import concurrent.futures
import json
import lzma
import random
import sys
import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

from harness import PANELS, SHARED, is_right, judge, need_shared, post, quorum, replay, row, rows_of, score
from quorum_mcp.consensus.calibration import learn
from quorum_mcp.consensus.decision import decide
from quorum_mcp.consensus.labelled import asked, labelled

BARS = {
    "math-l5, 5 peers": (0.075, 0.84),
    "crux, 5": (0.07, 0.82),
    "gsm, 5": (0.03, 0.75),
    "mmlu-pro, top 3": (0.045, 0.74),
}
ALL = "math-l5, all 12"


def guard() -> None:
    print("\n## Guard learnt on one half, tested on the other, both ways averaged (quick mode)\n")
    row(
        "panel",
        "accuracy",
        "strongest seat",
        "full majority",
        "bar: >= strongest - 0.01 and > majority",
        "calls",
    )
    row(*["---"] * 6)
    models = sorted(
        {a["model"] for r in rows_of("math-l5") for a in r["answers"]},
        key=lambda m: m != "o1-mini-2024-09-12",
    )
    panels = {ALL: ("math-l5", ",".join(models)), "mmlu-pro, 5 unequal": PANELS["mmlu-pro, 5 unequal"]}
    for name, (data, members) in panels.items():
        rows = rows_of(data)
        random.Random(1).shuffle(rows)
        halves = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
        got = []
        with replay(SHARED / f"data/consensus/{data}.dev.jsonl.xz") as upstream:
            for train, test in (halves, halves[::-1]):
                with tempfile.TemporaryDirectory() as home, quorum(upstream, Path(home)) as (url, _):
                    post(f"{url}/api/calibrate", {"rows": train, "provider": "replay"})
                    part = Path(home) / "half.jsonl.xz"
                    part.write_bytes(lzma.compress("\n".join(json.dumps(r) for r in test).encode()))
                    got.append(score(url, part, members))
        mean = {
            key: fmean(g[key] for g in got) for key in ("accuracy", "best_single", "majority", "mean_calls")
        }
        passed = mean["accuracy"] >= mean["best_single"] - 0.01 and mean["accuracy"] > mean["majority"]
        row(
            name,
            mean["accuracy"],
            mean["best_single"],
            mean["majority"],
            "met" if passed else "MISSED",
            mean["mean_calls"],
        )


def confidence() -> None:
    print("\n## Confidence of exhaustive answers\n")
    row("panel", "raw ECE", "bar", "learnt ECE", "bar", "learnt AUROC", "bar")
    row(*["---"] * 7)
    bench = judge()
    for name, (most, least) in BARS.items():
        data, members = PANELS[name]
        names = [f"replay/{model}" for model in members.split(",")]
        rows = [
            r
            for r in rows_of(data)
            if {a["model"] for a in r["answers"] if a.get("text")} >= set(members.split(","))
        ]
        answers = exhaustive(data, rows, names)
        stored = [as_row(r, a, bench) for r, a in zip(rows, answers, strict=True)]
        right = [int(is_right(bench, r, a["conclusion"])) for r, a in zip(rows, answers, strict=True)]
        raw = bench.ece([a["confidence"] or 0.0 for a in answers], right)
        errors, areas = [], []
        for seed in range(20):
            order = list(range(len(stored)))
            random.Random(seed).shuffle(order)
            half = len(order) // 2
            for train, test in ((order[:half], order[half:]), (order[half:], order[:half])):
                sure, true = tested([stored[i] for i in train], [stored[i] for i in test], names)
                errors.append(bench.ece(sure, true))
                areas.append(bench.auroc(sure, true) or 0.0)
        row(name, raw, "<= 0.11", fmean(errors), f"<= {most}", fmean(areas), f">= {least}")


def exhaustive(data: str, rows: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    with (
        replay(SHARED / f"data/consensus/{data}.dev.jsonl.xz") as upstream,
        tempfile.TemporaryDirectory() as home,
    ):
        with quorum(upstream, Path(home)) as (url, _), concurrent.futures.ThreadPoolExecutor(8) as pool:
            ask = lambda r: post(f"{url}/api/query", {"query": asked(r), "panel": names, "exhaustive": True})  # noqa: E731
            return list(pool.map(ask, rows))


def as_row(r: dict[str, Any], answer: dict[str, Any], bench: Any) -> dict[str, Any]:
    """The stored answer as a labelled row, each seat's conclusion judged by the gold answer."""
    seats = [s for s in answer["provider_responses"] if s["role"] == "answer"]
    said = [
        {"model": s["member"], "text": s["content"], "correct": int(is_right(bench, r, s["conclusion"]))}
        for s in seats
    ]
    return {"question": r["question"], "options": r.get("options"), "answers": said}


def tested(
    train: list[dict[str, Any]], test: list[dict[str, Any]], names: list[str]
) -> tuple[list[float], list[int]]:
    known = learn(labelled(train), names)
    sure, true = [], []
    for question in labelled(test):
        found = decide(question.ballots(known.members), asked=len(names), guard=known.guard)
        sure.append(known.confidence(found.supporters, len(names))[0] if found.groups else 0.0)
        true.append(int(bool(found.groups) and question.is_right(found.groups[0].members)))
    return sure, true


PARTS = {"guard": guard, "confidence": confidence}

if __name__ == "__main__":
    need_shared()
    for part in sys.argv[1:] or list(PARTS):
        PARTS[part]()
