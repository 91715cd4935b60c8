"""The decision core on recorded answers of real models, where they lie beside the project."""

import hashlib
import json
import lzma
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from quorum_mcp.consensus.agreement import compare
from quorum_mcp.consensus.decision import Ballot, Guard, decide, group
from quorum_mcp.consensus.labelled import asked
from quorum_mcp.consensus.reading.conclusions import find

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "consensus"
pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the recorded answers in ../shared/data/consensus"),
    pytest.mark.timeout(60),
]
BARS = {
    "math-l5/reasoning-only": 0.65,
    "gsm/reasoning-only": 0.88,
    "mmlu-pro/full": 0.85,
    "routerarena/full": 0.90,
}
PEERS = (
    "gemini-1.5-pro-exp-0827",
    "Qwen2.5-72B-Instruct",
    "grok-2-1212",
    "gpt-4o-2024-08-06",
    "claude-3-5-sonnet-20241022",
)


def rows(stem: str) -> list[dict[str, Any]]:
    (path,) = FOLDER.glob(f"{stem}*.jsonl.xz")
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def test_agreement_reaches_its_recall_with_few_false_ones() -> None:
    counts: Counter[tuple[str, int, str]] = Counter()
    for pair in rows("agreement_pairs"):
        counts[pair["set"], pair["agree"], compare(pair["a"], pair["b"]).agreement] += 1
    for name, bar in BARS.items():
        positive = sum(n for (s, label, _), n in counts.items() if s == name and label)
        assert counts[name, 1, "agree"] / positive >= bar, name
    false = sum(counts[name, 0, "agree"] for name in BARS)
    disagreeing = sum(n for (s, label, _), n in counts.items() if s in BARS and not label)
    assert false / disagreeing <= 0.03
    unstated = ("crux/reasoning-only", "mmlu-pro/letter-removed")
    right, wrong = (sum(counts[name, label, "agree"] for name in unstated) for label in (1, 0))
    assert right / (right + wrong) >= 0.95


def is_gold(text: str | None, gold: str) -> bool:
    return text is not None and re.sub(r"[\s$]", "", text) == gold


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_quick_mode_on_mathematics(share: float) -> None:
    """Two seats first, the rest where they differ; `share` of the answers end with a CONCLUSION line."""
    right = calls = total = 0
    for row in rows("math-l5"):
        answers = {answer["model"]: answer for answer in row["answers"]}
        if any(not answers.get(member, {}).get("text") for member in PEERS):
            continue
        ballots = []
        for seat, member in enumerate(PEERS):
            text, short = answers[member]["text"], answers[member]["answer"]
            pick = int(hashlib.sha256((row["qid"] + member).encode()).hexdigest()[:8], 16) / 2**32
            if short is not None and pick < share:
                text += f"\n\nCONCLUSION: {short}"
            ballots.append(Ballot(seat, member, find(text, question=asked(row))))
        first = group(ballots[:2])
        if len(first) == 1 and len(first[0].seats) == 2:
            ballots = ballots[:2]
        decision = decide(ballots, asked=len(ballots), guard=Guard())
        right += is_gold(decision.conclusion.text if decision.conclusion else None, row["gold"])
        calls += len(ballots)
        total += 1
    assert total > 100
    assert right / total >= 0.72
    assert calls / total <= 3.35
