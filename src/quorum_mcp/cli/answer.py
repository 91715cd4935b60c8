"""An answer for people: itself on standard output, what is known about it on standard error."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from quorum_mcp.cli.output import data, shorten, talk, usd

if TYPE_CHECKING:
    from quorum_mcp.consensus.ops.ask import Estimate
    from quorum_mcp.consensus.query import QueryAnswer, Response

QUOTE = 100


def show(answer: "QueryAnswer") -> None:
    """Print the answer and what is known about it."""
    for label in labels(answer):
        data(label)
    data(answer.consensus or "")
    talk("")
    # Where both go to the same reader, who is no language model is said once, above the answer.
    once = sys.stdout.isatty() and sys.stderr.isatty()
    for line in (*(() if once else labels(answer)), *about(answer)):
        talk(line)


def labels(answer: "QueryAnswer") -> list[str]:
    """What has to be said wherever the answer is shown: who in it is no language model."""
    found: list[str] = []
    if answer.simulated:
        names = _members(answer, lambda response: response.simulated)
        found.append(f"[simulated: {names or 'this session'} – scripted, no language model]")
    if answer.builtin:
        found.append(f"[built-in solvers: {', '.join(answer.builtin)} – computed, no language model]")
    return found


def about(answer: "QueryAnswer") -> list[str]:
    """Agreement, dissent, points, failures, confidence and cost."""
    lines = [verdict(answer)]
    lines += [
        f"  {point.status}: {shorten(point.text, QUOTE)} ({', '.join(point.members)})"
        for point in answer.points
    ]
    lines += [f"  source: {shorten(page.title or page.url, QUOTE)} {page.url}" for page in answer.citations]
    if answer.attack:
        lines.append("  " + _attack(answer.attack))
    lines += [
        f"  failed: {r.member}: {(r.error or {}).get('message', 'no reason given')}" for r in failed(answer)
    ]
    # Who is simulated or built in is said by the labels already.
    lines += [
        f"warning: {w}" for w in answer.warnings if not w.startswith(("simulated:", "answered by built-in"))
    ]
    sure = "not measured" if answer.confidence is None else f"{answer.confidence:.2f} ({answer.calibration})"
    cost = usd(answer.total_cost) + ("" if answer.cost_complete else " and calls of unknown price")
    lines.append(
        f"confidence {sure} · cost {cost} · {answer.calls} calls · {answer.duration:.1f} s · {answer.session_id}"
    )
    return lines


def verdict(answer: "QueryAnswer") -> str:
    """How many agree, and what the others say."""
    dissent = [f"{d.member}: {shorten(_short(answer, d.member) or d.text, QUOTE)}" for d in answer.dissent]
    abstained = _members(answer, lambda response: response.abstained)
    tail = f"; {abstained} abstained" if abstained else ""
    if not answer.groups:
        return f"{len(answer.dissent) + 1} answered; whether they agree cannot be told{tail}"
    agree = len(answer.groups[0].members)
    if not dissent:
        return ("1 answer, nobody else to compare it with" if agree == 1 else f"all {agree} agree") + tail
    counts = f"{_count(agree, 'agree')}, {_count(len(dissent), 'dissent')}"
    return f"{counts}: {'; '.join(dissent)}{tail}"


def _count(seats: int, do: str) -> str:
    return f"{seats} {do}s" if seats == 1 else f"{seats} {do}"


def _attack(attack: dict[str, Any]) -> str:
    held = "the answer survived" if attack.get("survived") else "the answer did not survive"
    return f"attacked by {attack.get('advocate')} with {len(attack.get('objections', ()))} objections: {held}"


def plan(estimate: "Estimate") -> None:
    """What `--dry-run` prints."""
    most = "unknown, a price is missing" if estimate.worst_case_usd is None else usd(estimate.worst_case_usd)
    data(f"mode {estimate.mode}, at most {estimate.rounds} round(s) and {estimate.calls_at_most} calls")
    for seat in estimate.seats:
        data(f"  {seat}: at most {usd(estimate.per_seat_usd.get(seat))} a round")
    data(f"cost at most {most}")
    if estimate.expected_usd:
        data(f"cost about {usd(estimate.expected_usd)}, as these models have answered so far")
    for warning in estimate.warnings:
        talk(f"warning: {warning}")


def failed(answer: "QueryAnswer") -> list["Response"]:
    """The calls that failed."""
    return [response for response in answer.provider_responses if response.status == "failed"]


def _short(answer: "QueryAnswer", member: str) -> str | None:
    said = [r for r in answer.provider_responses if r.member == member and r.conclusion]
    return said[-1].conclusion if said else None


def _members(answer: "QueryAnswer", wanted: "Callable[[Response], bool]") -> str:
    return ", ".join(dict.fromkeys(r.member for r in answer.provider_responses if wanted(r)))
