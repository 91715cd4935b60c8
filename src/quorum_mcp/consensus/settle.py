"""Conclusions that cannot be told apart by rule go to the configured judge, pair by pair."""

from msgspec import structs

from quorum_mcp.consensus.decision import Decision, decide
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.judge import same
from quorum_mcp.consensus.opening import ballots
from quorum_mcp.consensus.reading.conclusions import Conclusion
from quorum_mcp.consensus.reply import Reply

MOST_PAIRS = 6


async def settle(
    table: Deliberation, decision: Decision, voices: list[Reply], asked: int, until: float
) -> tuple[Decision, list[Reply]]:
    """Merge groups that a judge finds to say the same; only pairs that the rules cannot tell are asked."""
    groups = list(decision.groups)
    pairs: list[str] = []
    merged: dict[str, str] = {}
    for at, group in enumerate(groups):
        for earlier in groups[:at]:
            unclear = _wordy(earlier.conclusion) or _wordy(group.conclusion)
            if not unclear or earlier.conclusion.key in merged or len(pairs) >= MOST_PAIRS:
                continue
            part = f"{groups.index(earlier)}-{at}"
            pairs.append(part)
            if await same(table, earlier.conclusion.text, group.conclusion.text, part, until):
                merged[group.conclusion.key] = earlier.conclusion.key
                break
    if not merged:
        return decision, voices
    conclusions = {group.conclusion.key: group.conclusion for group in groups}
    voices = [
        structs.replace(reply, conclusion=conclusions[merged[reply.conclusion.key]])
        if reply.conclusion and reply.conclusion.key in merged
        else reply
        for reply in voices
    ]
    return decide(ballots(voices), asked=asked, guard=table.plan.guard), voices


def _wordy(conclusion: Conclusion) -> bool:
    """Whether two different ones of this kind may still mean the same: words may, values may not."""
    return conclusion.kind in ("phrase", "formula") or not conclusion.stated
