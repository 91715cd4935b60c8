"""From ballots to a decision: groups of equal conclusions, a guard that says which group wins, a confidence.

Seat order is strength order: seat 0 leads, and every tie goes to the group of the strongest seat.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from quorum_mcp.consensus.reading.conclusion import Conclusion, same

Agreement = Literal["agree", "disagree", "cannot_tell"]
Rule = Literal["leader", "majority", "leader_unless"]


class Ballot(Struct, frozen=True):
    """What one seat concluded; `conclusion` is None where its answer has no short one."""

    seat: int
    member: str
    conclusion: Conclusion | None


class Group(Struct, frozen=True):
    """Seats with equal conclusions, strongest first; `share` is their part of the seats asked (0..1)."""

    conclusion: Conclusion
    members: tuple[str, ...]
    seats: tuple[int, ...]
    share: float


class Guard(Struct, frozen=True):
    """Which group wins.

    `majority`: the largest. `leader`: that of the strongest seat that concluded. `leader_unless`: that of the
    leader, unless another is larger and has at least `k` supporters.
    """

    rule: Rule = "majority"
    k: int = 2


class Decision(Struct, frozen=True):
    """The outcome of one vote.

    Attributes:
        conclusion: the winning one, None where no seat gave any.
        groups: all groups, the winner first, then by size and strength.
        agreement: `agree` where everybody who concluded is in one group of at least two, `disagree` where there
            are two groups or more, `cannot_tell` where fewer than two seats gave a conclusion.
        supporters: seats in the winning group.
        confidence: supporters over seats asked (0..1), uncalibrated.
    """

    conclusion: Conclusion | None
    groups: tuple[Group, ...]
    agreement: Agreement
    supporters: int
    confidence: float


def group(ballots: Iterable[Ballot], *, asked: int | None = None) -> tuple[Group, ...]:
    """Groups of equal conclusions, largest first, ties by the strongest seat.

    `asked` is what shares are taken of; without it, the number of ballots. A group shows the spelling that most
    of its seats use, the strongest seat's among equals.
    """
    ordered = sorted(ballots, key=lambda ballot: ballot.seat)
    bins: list[list[tuple[Ballot, Conclusion]]] = []
    for ballot in ordered:
        conclusion = ballot.conclusion
        if conclusion is None:
            continue
        home = next((b for b in bins if any(mine.key == conclusion.key for _, mine in b)), None)
        home = home or next((b for b in bins if _fits(conclusion, [mine for _, mine in b])), None)
        if home is None:
            bins.append([(ballot, conclusion)])
        else:
            home.append((ballot, conclusion))
    total = max(asked if asked is not None else len(ordered), 1)
    groups = [_group(members, total) for members in bins]
    return tuple(sorted(groups, key=lambda g: (-len(g.seats), g.seats[0])))


def _fits(conclusion: Conclusion, others: Sequence[Conclusion]) -> bool:
    """Whether it equals one of a group and contradicts none: a bare 5 joins 5 km or 5 m, never both."""
    return any(same(mine, conclusion) for mine in others) and all(
        mine.key == conclusion.key for mine in others if mine.kind == conclusion.kind
    )


def _group(members: Sequence[tuple[Ballot, Conclusion]], total: int) -> Group:
    spellings = Counter((conclusion.stated, conclusion.text) for _, conclusion in members)
    best = max(members, key=lambda member: (spellings[(member[1].stated, member[1].text)], -member[0].seat))
    seats = tuple(ballot.seat for ballot, _ in members)
    return Group(best[1], tuple(ballot.member for ballot, _ in members), seats, min(len(seats) / total, 1.0))


def decide(ballots: Iterable[Ballot], *, asked: int, guard: Guard) -> Decision:
    """The winning conclusion of `ballots` under `guard`.

    Args:
        ballots: one per seat that answered; seats that failed have none, but count in `asked`.
        asked: seats asked, failed ones included; seats that an early stop skipped are not.
        guard: the rule, learnt from the panel's track record or the default majority.
    """
    groups = group(ballots, asked=asked)
    if not groups:
        return Decision(None, (), "cannot_tell", 0, 0.0)
    winner = _winner(groups, guard)
    supporters = len(winner.seats)
    agreement: Agreement = "disagree" if len(groups) > 1 else "agree" if supporters > 1 else "cannot_tell"
    others = tuple(g for g in groups if g is not winner)
    return Decision(winner.conclusion, (winner, *others), agreement, supporters, winner.share)


def _winner(groups: tuple[Group, ...], guard: Guard) -> Group:
    leader = min(groups, key=lambda g: g.seats[0])
    largest = groups[0]
    if guard.rule == "majority":
        return largest
    if guard.rule == "leader_unless" and largest is not leader:
        overruled = len(largest.seats) >= guard.k and len(largest.seats) > len(leader.seats)
        return largest if overruled else leader
    return leader


def is_open(ballots: Iterable[Ballot]) -> bool:
    """Whether the question is open: fewer than two seats give a short conclusion."""
    return sum(ballot.conclusion is not None for ballot in ballots) < 2
