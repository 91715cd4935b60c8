"""What labelled answers teach about a panel: who is strong, which guard decides, what a share is worth.

Everything is counts, so that learning more is adding, and a calibration is small enough to store as JSON.

The confidence is a beta estimate per bucket. A bucket is how many of the asked seats stand behind the winner; its
prior is centred on that raw share with the weight of ten answers (moved by one learnt step in log-odds where the
leader decides, since then a small share is no sign of doubt). From two hundred labels on, the estimates are
made monotone in the share by pooling adjacent violators. Finer buckets (the leader's side, the second group's size)
were tried on recorded answers: they rank no better and calibrate worse.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from quorum_mcp.consensus.decision import Guard, decide, group
from quorum_mcp.consensus.labelled import Labelled

State = Literal["calibrated", "uncalibrated"]
ENOUGH = 25
"""Labelled answers from which on a confidence counts as calibrated."""
MONOTONE = 200
"""Labelled answers from which on the confidence must rise with the share."""
_PRIOR = 10.0
_PULL = 2.0
_EDGE = 0.02
_TINY = 1e-9
_WAVE = 2


class Count(Struct):
    """How many of how many were right."""

    right: int = 0
    total: int = 0

    def add(self, right: bool) -> None:
        """One more answer."""
        self.right += right
        self.total += 1

    def estimate(self, prior: float, weight: float) -> float:
        """The mean of the beta posterior whose prior has mean `prior` and the weight of `weight` answers."""
        return (prior * weight + self.right) / (weight + self.total)


class Statistics(Struct, frozen=True):
    """What a panel can reach: `effective_votes` independent ones, and the share of questions all got wrong."""

    questions: int
    effective_votes: float
    all_wrong: float


class Calibration(Struct):
    """What is known of one panel.

    Attributes:
        members: the panel, strongest first.
        guard: the rule that decides.
        labels: questions with a known outcome behind all this.
        record: right answers of each member.
        buckets: outcomes of votes by "supporters/asked".
        shift: how far priors lie above the raw share, in log-odds.
        statistics: what the panel can reach, None where unknown.
    """

    members: tuple[str, ...] = ()
    guard: Guard = Guard()
    labels: int = 0
    record: dict[str, Count] = field(default_factory=dict)
    buckets: dict[str, Count] = field(default_factory=dict)
    shift: float = 0.0
    statistics: Statistics | None = None

    def strength(self, member: str) -> float | None:
        """The share of right answers of a member (0..1), drawn a little to one half; None without a record."""
        count = self.record.get(member)
        return count.estimate(0.5, 2.0) if count and count.total else None

    def confidence(self, supporters: int, asked: int) -> tuple[float, State]:
        """How likely a winner is right (0..1) that `supporters` of `asked` seats stand behind.

        The raw share until there are `ENOUGH` labels.
        """
        share = supporters / max(asked, 1)
        if self.labels < ENOUGH or supporters <= 0:
            return share, "uncalibrated"
        if self.labels < MONOTONE:
            return self._bucket(supporters, asked).estimate(_shifted(share, self.shift), _PRIOR), "calibrated"
        counts = [self._bucket(n, asked) for n in range(1, asked + 1)]
        priors = [_shifted(n / asked, self.shift) for n in range(1, asked + 1)]
        values = [count.estimate(prior, _PRIOR) for prior, count in zip(priors, counts, strict=True)]
        return monotone(values, [count.total + _PRIOR for count in counts])[supporters - 1], "calibrated"

    def add(self, supporters: int, asked: int, right: bool) -> None:
        """Learn the outcome of one vote that a user scored."""
        self.count(supporters, asked, right)
        self.labels += 1

    def count(self, supporters: int, asked: int, right: bool) -> None:
        """Count a vote on a question that is among the labels already."""
        if supporters > 0:
            self.buckets.setdefault(f"{supporters}/{asked}", Count()).add(right)

    def _bucket(self, supporters: int, asked: int) -> Count:
        return self.buckets.get(f"{supporters}/{asked}", Count())

    def to_plain(self) -> dict[str, Any]:
        """The calibration as JSON types."""
        return msgspec.to_builtins(self)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> "Calibration":
        """The calibration that `to_plain` gave.

        Raises:
            msgspec.ValidationError: it has another form.
        """
        return msgspec.convert(data, cls)


def _shifted(share: float, shift: float) -> float:
    if not shift:
        return share
    share = min(max(share, _EDGE), 1 - _EDGE)
    return 1 / (1 + math.exp(-math.log(share / (1 - share)) - shift))


def fit_shift(buckets: Mapping[str, Count]) -> float:
    """The step in log-odds that makes the shares of `buckets` fit their outcomes best, with a slight pull to 0."""
    low, high = -8.0, 8.0
    for _ in range(40):
        shift = (low + high) / 2
        slope = -_PULL * shift
        for key, count in buckets.items():
            supporters, asked = map(int, key.split("/"))
            slope += count.right - count.total * _shifted(supporters / asked, shift or _TINY)
        low, high = (shift, high) if slope > 0 else (low, shift)
    return (low + high) / 2


def monotone(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nearest rising sequence in weighted least squares, by pooling adjacent violators (Ayer et al., 1955)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            last = pools.pop()
            total = last[1] + pool[1]
            pool = ((last[0] * last[1] + pool[0] * pool[1]) / total, total, last[2] + pool[2])
        pools.append(pool)
    return [value for value, _, size in pools for _ in range(size)]


def learn(questions: Sequence[Labelled], members: Sequence[str], *, ordered: bool = False) -> Calibration:
    """A panel's calibration from labelled questions.

    Args:
        questions: those that no member of the panel answered are left out.
        members: the panel, in its own order.
        ordered: keep that order as strength order instead of the one that the labels show.
    """
    known = [question for question in questions if any(member in question.correct for member in members)]
    calibration = Calibration(
        record={member: Count() for member in members},
        labels=len(known),
        statistics=panel_statistics(known, members),
    )
    for question in known:
        for member in members:
            label = question.correct.get(member)
            if label is not None:
                calibration.record[member].add(label)
    seats = tuple(members)
    if not ordered:
        seats = tuple(sorted(members, key=lambda member: -(calibration.strength(member) or 0.0)))
    calibration.members = seats
    calibration.guard = choose_guard(known, seats)
    for question in known:
        for supporters, asked, right in votes(question, seats, calibration.guard):
            calibration.count(supporters, asked, right)
    if calibration.guard.rule != "majority":
        calibration.shift = fit_shift(calibration.buckets)
    return calibration


def votes(question: Labelled, seats: Sequence[str], guard: Guard) -> Iterator[tuple[int, int, bool]]:
    """Supporters, seats asked and outcome of the votes that a panel holds on a question.

    There is one of all seats, and one of the first wave where agreement would have stopped the rest.
    """
    ballots = question.ballots(seats)
    rounds = [ballots]
    if len(seats) > _WAVE and len(first := group(ballots[:_WAVE])) == 1 and len(first[0].seats) == _WAVE:
        rounds.append(ballots[:_WAVE])
    for asked in rounds:
        decision = decide(asked, asked=len(asked), guard=guard)
        winners = decision.groups[0].members if decision.groups else ()
        yield decision.supporters, len(asked), question.is_right(winners)


def choose_guard(questions: Sequence[Labelled], seats: Sequence[str]) -> Guard:
    """The rule with the most right answers; the leader alone unless another one is strictly better."""
    rules = [Guard("leader"), Guard("majority"), *(Guard("leader_unless", k) for k in range(3, len(seats)))]
    scores = dict.fromkeys(rules, 0)
    for question in questions:
        ballots = question.ballots(seats)
        for rule in rules:
            decision = decide(ballots, asked=len(ballots), guard=rule)
            scores[rule] += bool(decision.groups) and question.is_right(decision.groups[0].members)
    return max(rules, key=lambda rule: scores[rule])


def panel_statistics(questions: Sequence[Labelled], members: Sequence[str]) -> Statistics | None:
    """Effective votes and all-wrong rate of a panel, None without a question that all members answered.

    Effective votes are n / (1 + (n - 1) r), r being the mean correlation of two members' errors (Kish, 1965).
    """
    complete = [q for q in questions if all(q.correct.get(member) is not None for member in members)]
    table = [[bool(question.correct[member]) for member in members] for question in complete]
    if not table or not members:
        return None
    columns = list(zip(*table, strict=True))
    correlations = [_correlation(a, b) for a, b in combinations(columns, 2)]
    known = [value for value in correlations if value is not None]
    mean = max(sum(known) / len(known), 0.0) if known else 1.0
    effective = len(members) / (1 + (len(members) - 1) * mean)
    return Statistics(len(table), effective, sum(not any(row) for row in table) / len(table))


def _correlation(a: Sequence[bool], b: Sequence[bool]) -> float | None:
    n = len(a)
    mean_a, mean_b = sum(a) / n, sum(b) / n
    spread = (mean_a * (1 - mean_a) * mean_b * (1 - mean_b)) ** 0.5
    if spread == 0:
        return None
    return (sum(x and y for x, y in zip(a, b, strict=True)) / n - mean_a * mean_b) / spread
