"""What labelled answers teach about a panel: who is strong, which rule decides, what a share is worth.

A labelled question holds, for each member, which group its conclusion fell into and whether it was right. From
those rows everything here is computed for exactly the members of a panel, in no more than a few milliseconds.
"""

from collections.abc import Sequence
from statistics import fmean

from msgspec import Struct

from quorum_mcp.consensus.decision import Guard

ENOUGH = 25
"""Labelled answers of a panel before its rule and its confidence are learnt from them."""
STRENGTH = 10.0
"""How many observations the prior of a bucket weighs."""
SURE_SHARE = 0.98
"""The prior's mean of a unanimous panel: even that is not certainty."""


class Vote(Struct, frozen=True):
    """One member's answer to a labelled question; `group` is None where it stated no conclusion."""

    member: str
    group: int | None
    right: bool


class Labelled(Struct, frozen=True):
    """One labelled question; members with the same `group` gave the same conclusion."""

    id: str
    votes: tuple[Vote, ...]


class Record(Struct, frozen=True):
    """A member's track record; `strength` is the share of right answers, drawn a little towards a half."""

    answers: int
    right: int

    @property
    def strength(self) -> float:
        """Right answers over answers, with two observations of a prior."""
        return (self.right + 1) / (self.answers + 2)


class Bucket(Struct):
    """Runs that looked alike, and how many of them were right."""

    runs: int = 0
    right: int = 0


def records(rows: Sequence[Labelled]) -> dict[str, Record]:
    """The track record of every member."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        for vote in row.votes:
            entry = counts.setdefault(vote.member, [0, 0])
            entry[0] += 1
            entry[1] += vote.right
    return {member: Record(answers, right) for member, (answers, right) in counts.items()}


def complete(rows: Sequence[Labelled], members: Sequence[str]) -> list[tuple[Vote, ...]]:
    """The votes of exactly these members, in their order, of the rows that have them all."""
    found: list[tuple[Vote, ...]] = []
    for row in rows:
        by_member = {vote.member: vote for vote in row.votes}
        if all(member in by_member for member in members):
            found.append(tuple(by_member[member] for member in members))
    return found


def learn_guard(rows: Sequence[tuple[Vote, ...]]) -> Guard:
    """The rule that decides: the leader alone, unless another rule is right strictly more often on `rows`."""
    if len(rows) < ENOUGH:
        return Guard()
    size = len(rows[0])
    rules = [Guard("leader"), Guard("majority"), *(Guard("leader_unless", k) for k in range(2, size))]
    scores = [sum(right(votes, winner(votes, rule)) for votes in rows) for rule in rules]
    return rules[scores.index(max(scores))]


def winner(votes: Sequence[Vote], guard: Guard) -> int | None:
    """The group that wins under `guard`; votes are in order of strength."""
    sizes: dict[int, int] = {}
    for vote in votes:
        if vote.group is not None:
            sizes[vote.group] = sizes.get(vote.group, 0) + 1
    if not sizes:
        return None
    leader = next(iter(sizes))  # the first group met is the strongest seat's
    largest = max(sizes, key=lambda group: sizes[group])  # the first of equals
    if guard.rule == "majority" or largest == leader:
        return largest
    overruled = guard.rule == "leader_unless" and sizes[largest] >= guard.k and sizes[largest] > sizes[leader]
    return largest if overruled else leader


def right(votes: Sequence[Vote], group: int | None) -> bool:
    """Whether a group's conclusion is the right one."""
    return group is not None and any(vote.right for vote in votes if vote.group == group)


class Confidence:
    """What a share means for one panel under one rule, learnt from complete rows.

    Buckets are (asked, supporters, whether the leader is among them): a beta estimate each, whose prior is the
    estimate without the leader, whose prior in turn is the share itself.
    """

    def __init__(self, rows: Sequence[tuple[Vote, ...]], guard: Guard) -> None:
        self.labels = len(rows)
        self._fine: dict[tuple[int, int, bool], Bucket] = {}
        self._coarse: dict[tuple[int, int], Bucket] = {}
        for votes in rows:
            self._learn(votes, guard)
            if len(votes) > 2 and votes[0].group is not None and votes[0].group == votes[1].group:
                self._learn(votes[:2], guard)  # what quick mode sees when it stops early

    def _learn(self, votes: Sequence[Vote], guard: Guard) -> None:
        group = winner(votes, guard)
        if group is None:
            return
        supporters = sum(vote.group == group for vote in votes)
        led = votes[0].group == group
        true = right(votes, group)
        for bucket in (
            self._fine.setdefault((len(votes), supporters, led), Bucket()),
            self._coarse.setdefault((len(votes), supporters), Bucket()),
        ):
            bucket.runs += 1
            bucket.right += true

    def estimate(self, asked: int, supporters: int, *, led: bool) -> float | None:
        """The probability that the panel is right; None before there are labels enough."""
        if self.labels < ENOUGH:
            return None
        share = min(supporters / asked, SURE_SHARE)
        coarse = _beta(self._coarse.get((asked, supporters), Bucket()), share)
        return _beta(self._fine.get((asked, supporters, led), Bucket()), coarse)


def _beta(bucket: Bucket, prior: float) -> float:
    return (bucket.right + STRENGTH * prior) / (bucket.runs + STRENGTH)


class Statistics(Struct, frozen=True):
    """How much a panel's seats add to one another.

    Attributes:
        labels: labelled questions that these are computed from.
        effective_votes: how many independent votes the panel is worth: n / (1 + (n - 1) r), r being the mean
            correlation of two members' being right (Kish's design effect).
        all_wrong: the share of questions that no member got right: no way of voting can do better.
    """

    labels: int
    effective_votes: float
    all_wrong: float


def statistics(rows: Sequence[tuple[Vote, ...]]) -> Statistics | None:
    """The panel's statistics; None before there are labels enough."""
    if len(rows) < ENOUGH:
        return None
    size = len(rows[0])
    columns = [[float(votes[seat].right) for votes in rows] for seat in range(size)]
    pairs = [_correlation(columns[a], columns[b]) for a in range(size) for b in range(a)]
    mean = max(fmean(pairs), 0.0) if pairs else 0.0
    wrong = sum(not any(vote.right for vote in votes) for votes in rows)
    return Statistics(len(rows), round(size / (1 + (size - 1) * mean), 3), round(wrong / len(rows), 4))


def _correlation(a: Sequence[float], b: Sequence[float]) -> float:
    mean_a, mean_b = fmean(a), fmean(b)
    cov = fmean((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = (mean_a * (1 - mean_a) * mean_b * (1 - mean_b)) ** 0.5
    return cov / spread if spread else 1.0
