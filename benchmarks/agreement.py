"""How well `compare` tells whether two answers agree, on labelled pairs.

    python benchmarks/agreement.py DATA_FOLDER [--show SET]

DATA_FOLDER holds `agreement_pairs*.jsonl.xz`: objects with `set`, `a`, `b` and `agree` (0 or 1). Prints a table with
the bars, and the processor time of a pair. `--show SET` prints the pairs of a set that are told wrongly.
"""

import argparse
import json
import lzma
import time
from pathlib import Path

from quorum_mcp.consensus.agreement import Comparison, compare

BARS = {
    "math-l5/reasoning-only": (0.90, 0.65),
    "gsm/reasoning-only": (0.96, 0.88),
    "mmlu-pro/full": (0.95, 0.85),
    "routerarena/full": (0.95, 0.90),
}
"""AUROC and recall of "agree" to reach; on the other sets only the precision of "agree" counts (0.95)."""


def read(folder):
    rows = []
    for path in sorted(Path(folder).glob("agreement_pairs*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines if line.strip()]
    return rows


def auroc(scores, labels):
    good = [s for s, label in zip(scores, labels, strict=True) if label]
    bad = [s for s, label in zip(scores, labels, strict=True) if not label]
    wins = sum((g > b) + 0.5 * (g == b) for g in good for b in bad)
    return wins / (len(good) * len(bad)) if good and bad else float("nan")


def measure(rows):
    """Comparisons of all pairs, and milliseconds of processor time a pair."""
    start = time.process_time()
    results = [compare(row["a"], row["b"]) for row in rows]
    return results, (time.process_time() - start) / max(len(rows), 1) * 1e3


def figures(results: list[Comparison], rows):
    """Per set: size, AUROC, recall, precision and false rate of "agree"."""
    table = {}
    for name in sorted({row["set"] for row in rows}):
        part = [
            (result, row["agree"]) for result, row in zip(results, rows, strict=True) if row["set"] == name
        ]
        agreed = [label for result, label in part if result.agreement == "agree"]
        positive = sum(label for _, label in part)
        table[name] = {
            "n": len(part),
            "auroc": auroc([result.score for result, _ in part], [label for _, label in part]),
            "recall": sum(agreed) / max(positive, 1),
            "precision": sum(agreed) / max(len(agreed), 1),
            "false": len(agreed) - sum(agreed),
            "disagreeing": len(part) - positive,
        }
    return table


def pooled_false_rate(table):
    sets = [table[name] for name in BARS if name in table]
    return sum(s["false"] for s in sets) / max(sum(s["disagreeing"] for s in sets), 1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--show")
    arguments = parser.parse_args()
    rows = read(arguments.data)
    results, milliseconds = measure(rows)
    table = figures(results, rows)
    print("| set | pairs | AUROC (bar) | recall of agree (bar) | precision of agree | false agree |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, f in table.items():
        bar = BARS.get(name)
        rank, recall = (f" ({bar[0]:.2f})", f" ({bar[1]:.2f})") if bar else ("", "")
        print(
            f"| {name} | {f['n']} | {f['auroc']:.3f}{rank} | {f['recall']:.3f}{recall} | {f['precision']:.3f} "
            f"| {f['false']} of {f['disagreeing']} |"
        )
    print(f"\nfalse agree, pooled over the sets with bars: {pooled_false_rate(table):.4f} (bar 0.03)")
    print(f"processor time of a pair: {milliseconds:.3f} ms (bar 0.5)")
    for result, row in zip(results, rows, strict=True) if arguments.show else ():
        if row["set"] == arguments.show and (result.agreement == "agree") != bool(row["agree"]):
            print(
                f"\n{row['agree']} {result.agreement} {result.a} {result.b}\nA {row['a'][-200:]!r}\nB {row['b'][-200:]!r}"
            )


if __name__ == "__main__":
    main()
