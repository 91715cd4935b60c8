"""Devil's advocate: one seat attacks the emerging answer, the others answer, and what survived is reported."""

import re
from collections.abc import Sequence

from msgspec import Struct

from quorum_mcp.consensus.critique import revised
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.plan import Seat
from quorum_mcp.consensus.prompts import attack, defence
from quorum_mcp.consensus.reading.conclusions import same
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.consensus.round import hold
from quorum_mcp.messages import Message, message

MOST_OBJECTIONS = 5
_OBJECTION = re.compile(r"^\W*OBJECTION\s*(\d+)?\W*?[:.\-]\s*(.+)$", re.MULTILINE | re.IGNORECASE)
_LISTED = re.compile(r"^\s*(?:\d+[.)]|[-*])\s+(.+)$", re.MULTILINE)
_VERDICT = re.compile(r"^\W*(?:OBJECTION\s*)?(\d+)\W{1,4}(REJECTED|CONCEDED)\b", re.MULTILINE | re.IGNORECASE)


class Objection(Struct, frozen=True):
    """One attack and who found it right; it stands when most of those who judged it conceded."""

    text: str
    stands: bool
    conceded_by: tuple[str, ...]
    rejected_by: tuple[str, ...]


class Attack(Struct, frozen=True):
    """The attack on the emerging answer: `survived` when no objection stands."""

    advocate: str
    objections: tuple[Objection, ...]
    survived: bool


async def attack_rounds(
    table: Deliberation, standing: list[Reply], leader: Reply, until: float
) -> tuple[Attack | None, list[Reply]]:
    """Have `leader`'s answer attacked and defended. Returns the attack, and what stands of each seat."""
    advocate = _advocate(table, standing, leader)
    if advocate is None:
        table.degrade("nobody was left to attack the answer")
        return None, standing
    middle = table.at(0.75)
    first = await hold(table, 2, "advocate", [advocate], lambda _: _ask_attack(table, leader), middle)
    if not first or not first[0].ok:
        table.degrade("the attack failed, the answer was not challenged")
        return None, standing
    objections = parse_objections(first[0].text)
    if not objections:
        return Attack(advocate.member, (), survived=True), standing
    answered = {reply.seat for reply in standing}
    seats = [
        s for s in table.plan.seats if s.index in answered and s.index != advocate.index and not s.builtin
    ]
    replies = await hold(table, 3, "defence", seats, lambda _: _ask_defence(table, leader, objections), until)
    attacked = Attack(advocate.member, tuple(_verdicts(objections, replies)), survived=True)
    stands = any(objection.stands for objection in attacked.objections)
    attacked = Attack(attacked.advocate, attacked.objections, survived=not stands)
    if not stands:
        return attacked, standing
    by_seat = {reply.seat: reply for reply in replies}
    return attacked, [revised(reply, by_seat.get(reply.seat), leader.text) for reply in standing]


def parse_objections(text: str) -> list[str]:
    """The objections of an attack, at most five; list items where the asked-for form was ignored."""
    if re.search(r"^\W*NO OBJECTION", text, re.MULTILINE | re.IGNORECASE):
        return []
    found = [line.strip() for _, line in _OBJECTION.findall(text)] or [
        line.strip() for line in _LISTED.findall(text)
    ]
    return [line for line in found if line][:MOST_OBJECTIONS] or [" ".join(text.split())[:500]]


def _advocate(table: Deliberation, standing: Sequence[Reply], leader: Reply) -> Seat | None:
    """The strongest seat of another opinion, else the last seat that answered and is not the leader."""
    seats = {seat.index: seat for seat in table.plan.seats if not seat.builtin}
    others = [reply for reply in standing if reply.seat != leader.seat and reply.seat in seats]
    against = [
        r for r in others if r.conclusion and leader.conclusion and not same(r.conclusion, leader.conclusion)
    ]
    chosen = against[0] if against else others[-1] if others else None
    return seats[chosen.seat] if chosen is not None and chosen.seat is not None else None


def _verdicts(objections: Sequence[str], replies: Sequence[Reply]) -> list[Objection]:
    votes: list[tuple[list[str], list[str]]] = [([], []) for _ in objections]
    for reply in replies:
        for number, verdict in _VERDICT.findall(reply.text):
            if 1 <= int(number) <= len(objections):
                conceded, rejected = votes[int(number) - 1]
                side = conceded if verdict.upper() == "CONCEDED" else rejected
                if reply.member not in conceded and reply.member not in rejected:
                    side.append(reply.member)
    return [
        Objection(text, len(conceded) > len(rejected), tuple(conceded), tuple(rejected))
        for text, (conceded, rejected) in zip(objections, votes, strict=True)
    ]


def _ask_attack(table: Deliberation, leader: Reply) -> tuple[Message, ...]:
    return (message("user", attack(table.plan.question, leader.text)),)


def _ask_defence(table: Deliberation, leader: Reply, objections: Sequence[str]) -> tuple[Message, ...]:
    return (message("user", defence(table.plan.question, leader.text, objections)),)
