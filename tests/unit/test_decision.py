"""Ballots become groups, a guard picks the winner, the confidence is the share of seats asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.consensus.decision import Ballot, Guard, decide, group, is_open
from quorum_mcp.consensus.reading.conclusions import find


def ballots(*answers: str | None) -> list[Ballot]:
    return [
        Ballot(seat, f"m{seat}", find(f"CONCLUSION: {answer}") if answer is not None else None)
        for seat, answer in enumerate(answers)
    ]


def test_equal_conclusions_form_groups_with_shares_of_the_seats_asked() -> None:
    groups = group(ballots("7", "1/2", "0.5", None), asked=5)
    assert [(g.conclusion.text, g.members, g.seats, g.share) for g in groups] == [
        ("1/2", ("m1", "m2"), (1, 2), 0.4),
        ("7", ("m0",), (0,), 0.2),
    ]


def test_a_group_shows_the_spelling_that_most_of_it_uses() -> None:
    assert group(ballots("1/2", "0.5", "0.5"))[0].conclusion.text == "0.5"
    assert group(ballots("1/2", "0.5"))[0].conclusion.text == "1/2"


def test_a_bare_number_joins_the_quantity_but_not_two_of_them() -> None:
    groups = group(ballots("5 km", "5", "5 m"))
    assert [g.seats for g in groups] == [(0, 1), (2,)]


@pytest.mark.parametrize(
    ("guard", "answers", "winner"),
    [
        (Guard("majority"), ("1", "2", "2"), "2"),
        (Guard("majority"), ("1", "2"), "1"),
        (Guard("majority"), ("1", "2", "3"), "1"),
        (Guard("majority"), ("1", "2", "3", "3", "2"), "2"),
        (Guard("majority"), (None, "2", "3"), "2"),
        (Guard("leader"), ("1", "2", "2", "2", "2"), "1"),
        (Guard("leader"), (None, "2", "3", "3"), "2"),
        (Guard("leader_unless", 3), ("1", "2", "2"), "1"),
        (Guard("leader_unless", 3), ("1", "2", "2", "2"), "2"),
        (Guard("leader_unless", 2), ("1", "1", "2", "2"), "1"),
    ],
)
def test_guards(guard: Guard, answers: tuple[str | None, ...], winner: str) -> None:
    decision = decide(ballots(*answers), asked=len(answers), guard=guard)
    assert decision.conclusion is not None
    assert decision.conclusion.text == winner
    assert decision.groups[0].conclusion is decision.conclusion


@pytest.mark.parametrize(
    ("answers", "asked", "agreement", "confidence"),
    [
        (("1", "1"), 2, "agree", 1.0),
        (("1", "1"), 4, "agree", 0.5),
        (("1", "1", None), 3, "agree", 2 / 3),
        (("1", "2", "1"), 3, "disagree", 2 / 3),
        (("1", None), 2, "cannot_tell", 0.5),
        ((None, None), 2, "cannot_tell", 0.0),
        ((), 3, "cannot_tell", 0.0),
    ],
)
def test_agreement_and_confidence(
    answers: tuple[str | None, ...], asked: int, agreement: str, confidence: float
) -> None:
    decision = decide(ballots(*answers), asked=asked, guard=Guard())
    assert (decision.agreement, decision.confidence) == (agreement, pytest.approx(confidence))


def test_a_question_is_open_with_fewer_than_two_short_conclusions() -> None:
    assert is_open(ballots("1", None, None))
    assert is_open([])
    assert not is_open(ballots("1", None, "2"))


@given(st.lists(st.none() | st.sampled_from("123"), max_size=7), st.integers(0, 3), st.randoms())
def test_the_order_of_arrival_does_not_matter(answers: list[str | None], extra: int, source: object) -> None:
    cast = ballots(*answers)
    mixed = cast[:]
    source.shuffle(mixed)  # pyright: ignore[reportAttributeAccessIssue]
    asked = len(cast) + extra
    first, second = (decide(b, asked=asked, guard=Guard()) for b in (cast, mixed))
    assert first == second
    assert first.supporters == max((len(g.seats) for g in first.groups), default=0)
    assert sum(len(g.seats) for g in first.groups) == sum(a is not None for a in answers)
    assert 0 <= first.confidence <= 1
