"""The answer as every surface shows it, written from the outcome."""

from collections.abc import Sequence
from typing import Any

import msgspec

from quorum_mcp import money
from quorum_mcp.consensus.calibration import Calibration
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.modes import Outcome, agreement
from quorum_mcp.consensus.plan import Plan, Seat
from quorum_mcp.consensus.reading.conclusions import same
from quorum_mcp.consensus.reply import Reply


def confidence(outcome: Outcome, calibration: Calibration) -> tuple[float | None, str]:
    """The share of asked seats behind the answer in round 1, or the calibrated estimate of it."""
    if outcome.open:
        if outcome.findings is None or outcome.blind_findings is None:
            return None, "uncalibrated"
        leading = outcome.findings.positions[0].members
        behind = max(len(set(leading) & set(p.members)) for p in outcome.blind_findings.positions)
        return behind / outcome.asked, "uncalibrated"
    won = outcome.final.conclusion
    if won is None:
        return None, "uncalibrated"
    behind = sum(len(g.members) for g in outcome.blind.groups if same(g.conclusion, won))
    return calibration.confidence(behind, outcome.asked)


def report(
    table: Deliberation, outcome: Outcome, prose: str | None, calibration: Calibration
) -> dict[str, Any]:
    """The fields of an answer, but for those that only the session knows (id, status, duration)."""
    plan = table.plan
    measured, calibrated = confidence(outcome, calibration)
    conclusion = outcome.conclusion
    billed = [reply.nanos for reply in table.replies]
    known = [nanos for nanos in billed if nanos is not None]
    return {
        "mode": plan.mode,
        "consensus": prose if prose is not None else outcome.leader.text,
        "conclusion": conclusion.text if conclusion else None,
        "confidence": None if measured is None else round(measured, 4),
        "calibration": calibrated,
        "agreement": agreement(outcome),
        "groups": groups(outcome),
        "points": [msgspec.to_builtins(point) for point in outcome.findings.points]
        if outcome.findings
        else [],
        "blind_spots": list(outcome.findings.blind_spots) if outcome.findings else [],
        "citations": citations(outcome),
        "dissent": dissent(outcome),
        "attack": msgspec.to_builtins(outcome.attack) if outcome.attack else None,
        "provider_responses": [reply.public() for reply in _listed(plan, table.replies)],
        "rounds": outcome.rounds,
        "calls": len(table.replies),
        "total_cost": money.to_usd(sum(known) + table.lost),
        "cost_complete": None not in billed,
        "degraded": table.degraded,
        "simulated": plan.simulated or any(reply.simulated for reply in table.replies),
        "builtin": [seat.member for seat in plan.seats if seat.builtin],
        "warnings": table.warnings,
        "panel_statistics": msgspec.to_builtins(calibration.statistics),
    }


def groups(outcome: Outcome) -> list[dict[str, Any]]:
    """Who stands behind what: conclusions, or an open question's positions."""
    if outcome.open:
        positions = outcome.findings.positions if outcome.findings else ()
        return [
            {
                "conclusion": p.summary,
                "members": list(p.members),
                "share": round(len(p.members) / outcome.asked, 4),
            }
            for p in positions
        ]
    return [
        {"conclusion": g.conclusion.text, "members": list(g.members), "share": round(g.share, 4)}
        for g in outcome.final.groups
    ]


def dissent(outcome: Outcome) -> list[dict[str, str]]:
    """What seats that do not stand behind the answer said, verbatim."""
    if outcome.open:
        leading = set(outcome.findings.positions[0].members) if outcome.findings else {outcome.leader.member}
        return [{"member": r.member, "text": r.text} for r in outcome.standing if r.member not in leading]
    behind = outcome.final.groups[0].seats if outcome.final.groups else (outcome.leader.seat,)
    return [{"member": r.member, "text": r.text} for r in outcome.standing if r.seat not in behind]


def citations(outcome: Outcome) -> list[dict[str, Any]]:
    """The pages that seats behind the answer cite, each once, with who does."""
    against = {one["member"] for one in dissent(outcome)}
    found: dict[str, dict[str, Any]] = {}
    for reply in outcome.standing:
        for one in reply.citations if reply.member not in against else ():
            source = found.setdefault(one.url, {"url": one.url, "title": one.title, "members": []})
            if reply.member not in source["members"]:
                source["members"].append(reply.member)
    return list(found.values())


def _listed(plan: Plan, replies: Sequence[Reply]) -> list[Reply]:
    """All replies by round and seat, with a row for each seat that the early stop spared."""
    heard = {reply.seat for reply in replies}
    spared = [_skipped(seat) for seat in plan.seats if seat.index not in heard]
    return sorted([*replies, *spared], key=lambda r: (r.round, 99 if r.seat is None else r.seat))


def _skipped(seat: Seat) -> Reply:
    provider, _, model = seat.model.partition("/")
    return Reply(
        key="",
        seat=seat.index,
        member=seat.member,
        provider=provider,
        model=model,
        round=1,
        role="answer",
        status="skipped",
        simulated=seat.simulated,
    )
