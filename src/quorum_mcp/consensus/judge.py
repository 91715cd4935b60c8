"""Open questions: a judge groups positions and points. Nothing it says is believed without a true quote.

A judge that is itself a seat does not place its own answer when three or more seats answered: the next
model of the chain does.
"""

import time
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct, structs

from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.labels import labelled, shuffled, verbatim
from quorum_mcp.consensus.loose_json import first_object
from quorum_mcp.consensus.prompts import equivalence, grouping, placing
from quorum_mcp.consensus.reply import Reply, Role
from quorum_mcp.messages import message

Status = Literal["agreed", "disputed", "partial", "single"]
SHARE = 0.6  # of the time that is left goes to each model of a chain, the last one gets all of it


class Quote(Struct, frozen=True):
    """Words of a seat's answer, exactly as they stand there."""

    member: str
    quote: str


class Point(Struct, frozen=True):
    """One claim: who makes it, and the words that prove it."""

    text: str
    status: Status
    members: tuple[str, ...]
    quotes: tuple[Quote, ...]


class Position(Struct, frozen=True):
    """Seats that come to the same overall answer."""

    summary: str
    members: tuple[str, ...]


class Findings(Struct, frozen=True):
    """What the judge found. Positions are ordered by size, then by their strongest seat."""

    positions: tuple[Position, ...]
    points: tuple[Point, ...]
    blind_spots: tuple[str, ...]


def chain_reply(table: Deliberation, role: Role, number: int, model: str, part: str = "") -> Reply:
    """The empty reply of a judge or writer, to be filled by asking it."""
    provider, _, name = model.partition("/")
    return Reply(
        key=table.key(role, number, model + part),
        seat=None,
        member=model,
        provider=provider,
        model=name,
        round=number,
        role=role,
        status="failed",
        simulated=table.simulates(model),
    )


def share_of(until: float, *, last: bool) -> float:
    """The deadline of one model of a chain that must be through by `until` (monotonic)."""
    now = time.monotonic()
    return until if last else now + max(until - now, 0.0) * SHARE


async def judge(table: Deliberation, replies: Sequence[Reply], number: int, until: float) -> Findings | None:
    """Positions and points of the seats' answers, or None when no judge of the chain could tell."""
    chain = table.plan.judges
    for index, model in enumerate(chain):
        others = [r for r in replies if f"{r.provider}/{r.model}" != model]
        # Answers that are all of the judge's own model it has to group itself: nobody else is there.
        own = [r for r in replies if r not in others] if len(replies) >= 3 and others else []
        judged = others if own else list(replies)
        answers = labelled(shuffled(judged, f"{table.plan.seed}/{number}/judge"))
        prompt = grouping(table.plan.question, [(label, r.text) for label, r in answers.items()])
        deadline = share_of(until, last=index == len(chain) - 1)
        reply = await table.ask(
            chain_reply(table, "judge", number, model), model, (message("user", prompt),), deadline
        )
        findings = _findings(reply, answers) if reply.ok else None
        if findings is not None:
            for seat in own:
                findings = await _place(table, findings, seat, chain[index + 1 :], number, until)
            return _ordered(findings, replies)
        if reply.ok:
            table.degrade(f"the judge {model} gave no grouping that could be used")
    return None


async def same(table: Deliberation, first: str, second: str, part: str, until: float) -> bool | None:
    """Whether a judge finds that two conclusions say the same; None when it cannot be told."""
    for index, model in enumerate(table.plan.judges):
        prompt = equivalence(table.plan.question, first, second)
        deadline = share_of(until, last=index == len(table.plan.judges) - 1)
        base = chain_reply(table, "judge", 1, model, "." + part)
        reply = await table.ask(base, model, (message("user", prompt),), deadline)
        found = first_object(reply.text) if reply.ok else None
        if found is not None and "same" in found:
            return found["same"] if isinstance(found["same"], bool) else None
    return None


async def _place(
    table: Deliberation, findings: Findings, seat: Reply, chain: Sequence[str], number: int, until: float
) -> Findings:
    """Add the judge's own answer to the position and points where another judge sees it; alone if nobody can."""
    summaries = [position.summary for position in findings.positions]
    for index, model in enumerate(chain):
        prompt = placing(table.plan.question, summaries, seat.text, [point.text for point in findings.points])
        deadline = share_of(until, last=index == len(chain) - 1)
        base = chain_reply(table, "judge", number, model, f".place{seat.seat}")
        reply = await table.ask(base, model, (message("user", prompt),), deadline)
        found = first_object(reply.text) if reply.ok else None
        place = found.get("position") if found else None
        if found is None or not isinstance(place, int) or not 0 <= place <= len(summaries):
            continue
        findings = structs.replace(findings, points=_joined(findings.points, found.get("points"), seat))
        if place == 0 or verbatim(str(found.get("quote", "")), seat.text) is None:
            break
        positions = [
            Position(p.summary, (*p.members, seat.member)) if at == place else p
            for at, p in enumerate(findings.positions, 1)
        ]
        return structs.replace(findings, positions=tuple(positions))
    alone = Position(_summary(seat.text), (seat.member,))
    return structs.replace(findings, positions=(*findings.positions, alone))


def _joined(points: Sequence[Point], made: object, seat: Reply) -> tuple[Point, ...]:
    """The points with a further seat at those that it makes, as far as a true quote shows it."""
    quotes: dict[int, str] = {}
    for entry in _dicts(made):
        at, quote = entry.get("point"), verbatim(str(entry.get("quote", "")), seat.text)
        if isinstance(at, int) and quote is not None:
            quotes.setdefault(at, quote)
    return tuple(
        structs.replace(
            point,
            members=(*point.members, seat.member),
            quotes=(*point.quotes, Quote(seat.member, quotes[at])),
        )
        if at in quotes
        else point
        for at, point in enumerate(points, 1)
    )


def _findings(reply: Reply, answers: dict[str, Reply]) -> Findings | None:
    found = first_object(reply.text)
    if found is None:
        return None
    placed: set[str] = set()
    positions: list[Position] = []
    for item in _dicts(found.get("positions")):
        labels = [
            label for label in dict.fromkeys(_labels(item.get("members"), answers)) if label not in placed
        ]
        placed.update(labels)
        if labels:
            positions.append(
                Position(str(item.get("summary", ""))[:500], tuple(answers[at].member for at in labels))
            )
    if not positions:
        return None
    for label, answer in answers.items():
        if label not in placed:
            positions.append(Position(_summary(answer.text), (answer.member,)))
    points = [point for item in _dicts(found.get("points")) if (point := _point(item, answers))]
    spots = found.get("blind_spots")
    blind = [str(spot)[:500] for spot in spots if isinstance(spot, str)] if isinstance(spots, list) else []
    return Findings(tuple(positions), tuple(points[:12]), tuple(blind[:8]))


def _point(item: dict[str, Any], answers: dict[str, Reply]) -> Point | None:
    quotes: list[Quote] = []
    invented: set[str] = set()
    for entry in _dicts(item.get("quotes")):
        label = str(entry.get("member", ""))
        if label not in answers:
            continue
        true = verbatim(str(entry.get("quote", "")), answers[label].text)
        if true is None:
            invented.add(label)
        else:
            quotes.append(Quote(answers[label].member, true))
    proven = {quote.member for quote in quotes}
    labels = [
        label
        for label in _labels(item.get("members"), answers)
        if label not in invented or answers[label].member in proven
    ]
    members = tuple(dict.fromkeys([*(answers[label].member for label in labels), *sorted(proven)]))
    text = str(item.get("text", "")).strip()
    if not quotes or not text:
        return None
    status: Status = "disputed" if item.get("status") == "disputed" and len(answers) > 1 else "partial"
    return Point(text[:1000], status, members, tuple(quotes))


def _counted(point: Point, voices: int) -> Point:
    """The point with the status that its members give it, out of all seats that answered."""
    if point.status == "disputed":
        return point
    status: Status = "partial"
    if len(point.members) == 1:
        status = "single"
    elif len(point.members) == voices:
        status = "agreed"
    return structs.replace(point, status=status)


def _ordered(findings: Findings, replies: Sequence[Reply]) -> Findings:
    """Positions by size and strength, points with the status that the whole panel gives them."""
    strength = {reply.member: at for at, reply in enumerate(replies)}
    positions = sorted(
        findings.positions, key=lambda p: (-len(p.members), min(strength.get(m, 99) for m in p.members))
    )
    points = tuple(_counted(point, len(replies)) for point in findings.points)
    return Findings(tuple(positions), points, findings.blind_spots)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _labels(value: object, answers: dict[str, Reply]) -> list[str]:
    return [str(label) for label in value if str(label) in answers] if isinstance(value, list) else []


def _summary(text: str) -> str:
    return " ".join(text.split())[:160]
