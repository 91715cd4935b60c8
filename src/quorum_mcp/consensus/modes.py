"""The three ways to deliberate, top to bottom. Each returns the outcome that report.py writes down.

Confidence is measured on round 1, when nobody had seen anybody's answer, and frozen there.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

from quorum_mcp.consensus.advocate import Attack, attack_rounds
from quorum_mcp.consensus.critique import critique_round
from quorum_mcp.consensus.decision import Agreement, Decision, decide, is_open
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.failures import nobody_answered
from quorum_mcp.consensus.judge import Findings, judge
from quorum_mcp.consensus.opening import ballots, opening
from quorum_mcp.consensus.reading.conclusions import Conclusion
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.consensus.settle import settle

ROUND_CUTS = (0.7, 0.78, 0.85)  # shares of the run's time by which the rounds after the first must be through


class Outcome(Struct, kw_only=True):
    """What a deliberation came to, before the prose.

    `standing` is each seat's reply as it stands at the end; `blind` and `blind_findings` are those of round 1.
    `leader` is the strongest supporter of what won. `open` questions have findings instead of a conclusion.
    """

    open: bool
    asked: int
    blind: Decision
    final: Decision
    standing: list[Reply]
    leader: Reply
    told: Agreement | None = None
    """Whether the others agree, where that was asked instead of measured."""
    blind_findings: Findings | None = None
    findings: Findings | None = None
    attack: Attack | None = None
    rounds: int = 1

    @property
    def conclusion(self) -> Conclusion | None:
        """The short answer that won."""
        return None if self.open else self.final.conclusion


async def deliberate(table: Deliberation) -> Outcome:
    """Run the plan's mode. Raises the first seat's error when nobody answered."""
    first = await opening(table)
    asked = len(first.asked)
    standing = [reply for reply in first.replies if reply.ok]
    if not standing:
        raise nobody_answered(first.replies)
    outcome = await _round_one(table, standing, asked)
    await _measured(table, outcome)
    match table.plan.mode:
        case "quick_consensus":
            return outcome
        case "full_deliberation":
            return await _critique(table, outcome)
        case "devils_advocate":
            return await _attack(table, outcome)


async def _round_one(table: Deliberation, standing: list[Reply], asked: int) -> Outcome:
    votes = ballots(standing)
    voices = [reply for reply in standing if not reply.abstained] or standing
    decision = decide(votes, asked=asked, guard=table.plan.guard)
    only = [reply for reply in voices if reply.conclusion]
    if is_open(votes) and not (len(only) == 1 and len(voices) == 1):
        findings = await judge(table, voices, 1, table.at(ROUND_CUTS[0])) if len(voices) > 1 else None
        return _open(table, decision, voices, asked, findings)
    if table.plan.settle and decision.agreement != "agree":
        decision, voices = await settle(table, decision, voices, asked, table.at(ROUND_CUTS[0]))
    return Outcome(
        open=False,
        asked=asked,
        blind=decision,
        final=decision,
        standing=voices,
        leader=_leader(decision, voices),
    )


def _open(
    table: Deliberation, decision: Decision, voices: list[Reply], asked: int, findings: Findings | None
) -> Outcome:
    if findings is None and len(voices) > 1 and table.plan.judges:
        table.degrade("no judge could group the answers")
    return Outcome(
        open=True,
        asked=asked,
        blind=decision,
        final=decision,
        standing=voices,
        leader=_voice(findings, voices),
        blind_findings=findings,
        findings=findings,
    )


async def _critique(table: Deliberation, outcome: Outcome) -> Outcome:
    for number in range(2, 2 + table.plan.critique_rounds):
        if _agreed(outcome) or len(outcome.standing) < 2:
            break
        until = table.at(ROUND_CUTS[min(number - 1, 2)])
        standing = await critique_round(table, number, outcome.standing, until)
        outcome = await _again(table, outcome, standing, number)
    return outcome


async def _attack(table: Deliberation, outcome: Outcome) -> Outcome:
    attack, standing = await attack_rounds(table, outcome.standing, outcome.leader, table.at(ROUND_CUTS[2]))
    rounds = max(reply.round for reply in table.replies if reply.seat is not None)
    outcome = await _again(table, outcome, standing, rounds)
    outcome.attack = attack
    return outcome


async def _again(table: Deliberation, outcome: Outcome, standing: list[Reply], number: int) -> Outcome:
    """Decide anew on what stands after round `number`; round 1's agreement and confidence stay."""
    final = decide(ballots(standing), asked=outcome.asked, guard=table.plan.guard)
    changed = any(after.text != before.text for before, after in zip(outcome.standing, standing, strict=True))
    findings = outcome.findings
    if outcome.open and changed:
        findings = await judge(table, standing, number, table.at(0.9)) or findings
    leader = _voice(findings, standing) if outcome.open else _leader(final, standing)
    await table.run.emit("round.finished", {"round": number, "changed": changed})
    return structs.replace(
        outcome, final=final, standing=standing, leader=leader, findings=findings, rounds=number
    )


async def _measured(table: Deliberation, outcome: Outcome) -> None:
    groups = [
        {"conclusion": g.conclusion.text, "members": list(g.members), "share": g.share}
        for g in outcome.blind.groups
    ]
    await table.run.emit(
        "agreement.measured",
        {"round": 1, "open": outcome.open, "agreement": agreement(outcome), "groups": groups},
    )


def agreement(outcome: Outcome) -> str:
    """agree, disagree or cannot_tell, of what stands."""
    if outcome.told is not None:
        return outcome.told
    if not outcome.open:
        return outcome.final.agreement
    if outcome.findings is None:
        return "cannot_tell"
    positions = outcome.findings.positions
    return "agree" if len(positions) == 1 and len(positions[0].members) > 1 else "disagree"


def _agreed(outcome: Outcome) -> bool:
    return agreement(outcome) == "agree"


def _voice(findings: Findings | None, voices: Sequence[Reply]) -> Reply:
    """The strongest seat behind the leading position of an open question; the first voice without findings."""
    if findings is None:
        return voices[0]
    first = findings.positions[0].members
    return next((reply for reply in voices if reply.member in first), voices[0])


def _leader(decision: Decision, voices: Sequence[Reply]) -> Reply:
    """The strongest seat that supports what won; the first voice where nothing did."""
    if not decision.groups:
        return voices[0]
    return next(reply for reply in voices if reply.seat in decision.groups[0].seats)
