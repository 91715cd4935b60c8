"""Consensus on recorded answers, without a server: the decision core alone.

    python benchmarks/consensus_offline.py DATA_FOLDER --replay replay_server.py --score consensus_bench.py [--halves 20]

DATA_FOLDER holds `math-l5*.jsonl.xz` and the like. The two files are the measuring tools of the data: the first turns
recorded answers into what a model would have sent (`--comply`, `--bare`), the second compares a conclusion with gold.
Prints, for each panel: quick mode, exhaustive mode, answers without a CONCLUSION line, bare prose, and guard and
confidence learnt on one half and tested on the other.
"""

import argparse
import importlib.util
import json
import lzma
import random
import statistics
from pathlib import Path

from quorum_mcp.consensus.calibration import learn, panel_statistics
from quorum_mcp.consensus.decision import Ballot, Guard, decide, group
from quorum_mcp.consensus.labelled import Labelled, asked
from quorum_mcp.consensus.reading.conclusions import find

PANELS = {
    "math-l5, 5 peers": (
        "math-l5",
        "gemini-1.5-pro-exp-0827 Qwen2.5-72B-Instruct grok-2-1212 gpt-4o-2024-08-06 claude-3-5-sonnet-20241022",
        {"accuracy": 0.729, "calls": 3.35, "ece": 0.075, "auroc": 0.84},
    ),
    "crux, 5": (
        "crux",
        "claude-3-5-sonnet-20241022 gpt-4o-2024-08-06 grok-2-1212 gemini-1.5-pro-exp-0827 Qwen2.5-72B-Instruct",
        {"accuracy": 0.880, "calls": 2.6, "ece": 0.07, "auroc": 0.82},
    ),
    "gsm, 5": (
        "gsm",
        "claude-3-5-sonnet-20241022 Mistral-Large-2 gpt-4o-2024-08-06 gemini-1.5-pro Qwen2-72B-Instruct",
        {"accuracy": 0.957, "calls": 2.15, "ece": 0.03, "auroc": 0.75},
    ),
    "mmlu-pro, top 3": (
        "mmlu-pro",
        "gemini-1.5-pro-002 gemini-1.5-flash-002 Meta-Llama-3_1-70B-Instruct",
        {"accuracy": 0.722, "calls": 2.38, "ece": 0.045, "auroc": 0.74},
    ),
    "mmlu-pro, 5 unequal": (
        "mmlu-pro",
        "gemini-1.5-pro-002 Meta-Llama-3_1-70B-Instruct jamba-1.5-large Qwen1.5-72B-Chat Meta-Llama-3_1-8B-Instruct",
        {},
    ),
    "math-l5, all 12": ("math-l5", "", {}),
}
LEADER_OF_ALL = "o1-mini-2024-09-12"
WAVE = 2


def module(path):
    """A Python file as a module, whatever it is called."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Panel:
    """One panel on its recorded questions, in several ways of answering."""

    def __init__(self, folder, replay, score, stem, names):
        self.replay, self.score = replay, score
        path = next(iter(sorted(Path(folder).glob(f"{stem}*.jsonl.xz"))))
        table = replay.load(path)
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        models = sorted({answer["model"] for row in rows for answer in row["answers"]})
        self.members = names.split() or [LEADER_OF_ALL, *(m for m in models if m != LEADER_OF_ALL)]
        self.rows = [
            row for row in rows if {a["model"] for a in row["answers"] if a.get("text")} >= set(self.members)
        ]
        self.table = table

    def conclusions(self, *, comply=1.0, bare=False):
        """For each question, what each member concludes."""
        server = self.replay.Replay(self.table, comply, 0, {}, bare)
        found = []
        for row in self.rows:
            question = asked(row)
            prompt = [{"content": f"{question}\nEnd with a line CONCLUSION:"}]
            found.append({m: find(server.answer(m, prompt) or "", question=question) for m in self.members})
        return found

    def right(self, row, conclusion):
        value = self.score.normalise(row["task"], conclusion.text) if conclusion else None
        return int(
            value is not None and value in (row["gold"], self.score.normalise(row["task"], row["gold"]))
        )

    def vote(self, found, seats, guard, *, exhaustive=False):
        """The decision on one question, and how many seats were asked."""
        ballots = [Ballot(seat, member, found[member]) for seat, member in enumerate(seats)]
        first = group(ballots[:WAVE])
        if not exhaustive and len(first) == 1 and len(first[0].seats) == WAVE:
            ballots = ballots[:WAVE]
        return decide(ballots, asked=len(ballots), guard=guard), len(ballots)

    def run(self, conclusions, *, exhaustive=False, guard=None):
        """Accuracy, mean calls, ECE and AUROC of the raw share."""
        votes = [self.vote(f, self.members, guard or Guard(), exhaustive=exhaustive) for f in conclusions]
        right = [self.right(row, vote.conclusion) for row, (vote, _) in zip(self.rows, votes, strict=True)]
        sure = [vote.confidence for vote, _ in votes]
        calls = statistics.fmean(calls for _, calls in votes)
        return statistics.fmean(right), calls, self.score.ece(sure, right), self.score.auroc(sure, right)

    def labelled(self, conclusions):
        tables = [{a["model"]: bool(a["correct"]) for a in row["answers"]} for row in self.rows]
        return [
            Labelled(found, {m: table[m] for m in self.members})
            for found, table in zip(conclusions, tables, strict=True)
        ]


def halves(panel, conclusions, shuffles):
    """Guard and confidence learnt on one half and tested on the other: means over both ways of all shuffles."""
    questions = panel.labelled(conclusions)
    places = list(range(len(questions)))
    results = []
    for seed in range(shuffles):
        order = places[:]
        random.Random(seed).shuffle(order)
        middle = len(order) // 2
        for train, test in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
            results.append(_half(panel, conclusions, questions, train, test))
    columns = [[value for value in column if value is not None] for column in zip(*results, strict=True)]
    return [statistics.fmean(column) if column else float("nan") for column in columns]


def _half(panel, conclusions, questions, train, test):
    calibration = learn([questions[place] for place in train], panel.members, ordered=True)
    right, sure, majority, leader = [], [], [], []
    for place in test:
        row, found = panel.rows[place], conclusions[place]
        vote, calls = panel.vote(found, calibration.members, calibration.guard, exhaustive=True)
        right.append(panel.right(row, vote.conclusion))
        sure.append(calibration.confidence(vote.supporters, calls)[0])
        majority.append(
            panel.right(row, panel.vote(found, panel.members, Guard(), exhaustive=True)[0].conclusion)
        )
        leader.append(int(bool(questions[place].correct[panel.members[0]])))
    score = panel.score
    return (
        statistics.fmean(right), statistics.fmean(leader), statistics.fmean(majority),
        score.ece(sure, right), score.auroc(sure, right),
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--replay", required=True)
    parser.add_argument("--score", required=True)
    parser.add_argument("--halves", type=int, default=20)
    arguments = parser.parse_args()
    replay, score = module(arguments.replay), module(arguments.score)
    for name, (stem, names, bars) in PANELS.items():
        panel = Panel(arguments.data, replay, score, stem, names)
        full = panel.conclusions()
        print(f"\n{name}: {len(panel.rows)} questions, {len(panel.members)} seats, bars {bars}")
        for label, found, exhaustive in (
            ("quick", full, False),
            ("quick, comply 0.5", panel.conclusions(comply=0.5), False),
            ("quick, comply 0", panel.conclusions(comply=0.0), False),
            ("quick, bare", panel.conclusions(bare=True), False),
            ("exhaustive", full, True),
        ):
            accuracy, calls, ece, auroc = panel.run(found, exhaustive=exhaustive)
            print(
                f"  {label:18} accuracy {accuracy:.4f}  calls {calls:.3f}  ECE {ece:.3f}  AUROC {auroc or 0:.3f}"
            )
        accuracy, leader, majority, ece, auroc = halves(panel, full, arguments.halves)
        print(
            f"  learnt on halves   accuracy {accuracy:.4f}  strongest seat {leader:.4f}  majority {majority:.4f}"
            f"  ECE {ece:.4f}  AUROC {auroc:.4f}"
        )
        print(f"  {panel_statistics(panel.labelled(full), panel.members)}")


if __name__ == "__main__":
    main()
