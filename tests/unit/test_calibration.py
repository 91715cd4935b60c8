"""What labelled answers teach: strength, guard and confidence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.consensus.calibration import (
    ENOUGH,
    MONOTONE,
    Calibration,
    choose_guard,
    learn,
    monotone,
    panel_statistics,
)
from quorum_mcp.consensus.decision import Guard
from quorum_mcp.consensus.labelled import labelled
from quorum_mcp.errors import InvalidInput


def row(gold: str, **answers: str) -> dict[str, object]:
    return {
        "question": "What is it?",
        "answers": [
            {"model": name, "text": f"Well.\nCONCLUSION: {answer}", "correct": int(answer == gold)}
            for name, answer in answers.items()
        ],
    }


def test_rows_are_read_with_the_provider_in_front() -> None:
    (question,) = labelled([row("1", a="1", b="2")], provider="acme")
    assert question.correct == {"acme/a": True, "acme/b": False}
    assert [ballot.seat for ballot in question.ballots(["acme/b", "acme/a"])] == [0, 1]
    assert question.is_right(["acme/a"])
    assert not question.is_right(["acme/b"])


@pytest.mark.parametrize(
    "bad",
    [{}, {"question": "x"}, {"question": "x", "answers": [{"text": "y"}]}, {"question": "x", "answers": 5}],
)
def test_other_rows_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="row 1"):
        labelled([bad])


def test_the_strongest_member_comes_first() -> None:
    rows = [row("1", a="2", b="1", c="1")] * 3 + [row("1", a="1", b="1", c="2")]
    calibration = learn(labelled(rows), ["a", "b", "c"])
    assert calibration.members == ("b", "c", "a")
    assert calibration.strength("b") == pytest.approx(5 / 6)
    assert calibration.strength("stranger") is None
    assert learn(labelled(rows), ["a", "b", "c"], ordered=True).members == ("a", "b", "c")


def test_the_leader_decides_unless_another_rule_is_strictly_better() -> None:
    even = labelled([row("1", a="1", b="1", c="2")] * 5)
    assert choose_guard(even, ["a", "b", "c"]) == Guard("leader")
    crowd = labelled([row("1", a="2", b="1", c="1")] * 2 + [row("1", a="1", b="2", c="2")])
    assert choose_guard(crowd, ["a", "b", "c"]) == Guard("majority")
    many = labelled([row("1", a="1", b="2", c="2", d="3")] * 2 + [row("1", a="2", b="1", c="1", d="1")] * 2)
    assert choose_guard(many, ["a", "b", "c", "d"]) == Guard("leader_unless", 3)


def test_confidence_is_the_raw_share_until_there_are_enough_labels() -> None:
    few = learn(labelled([row("1", a="2", b="2", c="1")] * (ENOUGH - 1)), ["a", "b", "c"])
    assert few.confidence(2, 3) == (2 / 3, "uncalibrated")
    enough = learn(labelled([row("1", a="2", b="2", c="1")] * ENOUGH), ["a", "b", "c"])
    value, state = enough.confidence(1, 3)
    assert state == "calibrated"
    assert value > 0.8, "c leads and is always right, so being alone is no sign of doubt"


def test_a_bucket_is_a_beta_estimate_around_the_share() -> None:
    calibration = Calibration(labels=ENOUGH)
    for right in [True] * 3 + [False] * 7:
        calibration.add(2, 4, right)
    assert calibration.confidence(2, 4) == (pytest.approx((0.5 * 10 + 3) / 20), "calibrated")
    assert calibration.confidence(3, 4) == (pytest.approx(0.75), "calibrated")
    assert calibration.confidence(0, 4) == (0.0, "uncalibrated")
    assert calibration.labels == ENOUGH + 10


def test_with_many_labels_more_supporters_never_mean_less() -> None:
    calibration = Calibration(labels=MONOTONE)
    for _ in range(100):
        calibration.count(1, 3, right=True)
        calibration.count(2, 3, right=False)
    values = [calibration.confidence(n, 3)[0] for n in (1, 2, 3)]
    assert values == sorted(values)


def test_an_early_stop_has_its_own_bucket() -> None:
    calibration = learn(labelled([row("1", a="1", b="1", c="2")] * 30), ["a", "b", "c"], ordered=True)
    assert set(calibration.buckets) == {"2/3", "2/2"}


def test_a_calibration_survives_json() -> None:
    calibration = learn(labelled([row("1", a="1", b="2", c="1")] * 30), ["a", "b", "c"])
    plain = msgspec.json.decode(msgspec.json.encode(calibration.to_plain()))
    assert Calibration.from_plain(plain) == calibration
    with pytest.raises(msgspec.ValidationError):
        Calibration.from_plain({"labels": "many"})


def test_panel_statistics() -> None:
    assert panel_statistics([], ["a"]) is None
    same = labelled([row("1", a="1", b="1"), row("1", a="2", b="2")] * 5)
    statistics = panel_statistics(same, ["a", "b"])
    assert statistics is not None
    assert (statistics.questions, statistics.effective_votes, statistics.all_wrong) == (
        10,
        pytest.approx(1),
        0.5,
    )
    independent = labelled([row("1", a=a, b=b) for a in "12" for b in "12"])
    statistics = panel_statistics(independent, ["a", "b"])
    assert statistics is not None
    assert (statistics.effective_votes, statistics.all_wrong) == (pytest.approx(2), 0.25)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=8))
def test_pooling_gives_a_rising_sequence_with_the_same_mean(points: list[tuple[float, float]]) -> None:
    values, weights = [p[0] for p in points], [p[1] for p in points]
    pooled = monotone(values, weights)
    assert all(a <= b + 1e-9 for a, b in zip(pooled, pooled[1:], strict=False))
    assert sum(v * w for v, w in zip(pooled, weights, strict=True)) == pytest.approx(
        sum(v * w for v, w in zip(values, weights, strict=True)), abs=1e-6
    )
