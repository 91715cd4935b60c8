"""Do two answers agree: three values, a score, and no say for mere words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.consensus.agreement import compare

REASONING = "The pool holds twice what the tank holds, and the pump fills the tank in half an hour, as the plan says. "


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CONCLUSION: 0.5", "After some thought.\nCONCLUSION: 1/2"),
        ("The answer is (C).", r"\boxed{C}"),
        ('{"answer": "5 km"}', "CONCLUSION: 5000 m"),
        (REASONING + "Therefore, it takes 3 + 4 = 7 hours.", REASONING + "So the total is 7 hours."),
        ("CONCLUSION: use PostgreSQL", "CONCLUSION: Use PostgreSQL."),
    ],
)
def test_equal_conclusions_agree(first: str, second: str) -> None:
    assert compare(first, second).agreement == "agree"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CONCLUSION: 5", "CONCLUSION: 6"),
        ("The answer is (A).", "The answer is (B)."),
        ("CONCLUSION: guilty", "CONCLUSION: not guilty"),
    ],
)
def test_different_stated_conclusions_disagree(first: str, second: str) -> None:
    assert compare(first, second).agreement == "disagree"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Use a queue between the two services.", "Put a queue between the two services."),
        ("The firm is liable for the damage.", "The firm is not liable for the damage."),
        ("", ""),
        ("CONCLUSION: 5", ""),
        (REASONING + "Therefore, x = 5.", REASONING + "Therefore, x = 6."),
    ],
)
def test_what_was_not_stated_cannot_be_told(first: str, second: str) -> None:
    assert compare(first, second).agreement == "cannot_tell"


def test_identical_words_without_a_conclusion_decide_nothing() -> None:
    text = "One should keep the modules small and test them through their public interface."
    result = compare(text, text)
    assert (result.agreement, result.a, result.b) == ("cannot_tell", None, None)


def test_an_answer_that_contradicts_itself_decides_nothing() -> None:
    torn = REASONING + "The answer is (I).\n\nFinal answer: The answer is (F)."
    for other in ("The answer is (I).", "The answer is (F).", "The answer is (A)."):
        assert compare(torn, other).agreement == "cannot_tell"


def test_the_score_ranks_what_the_verdict_cannot_tell() -> None:
    close = compare(REASONING + "We get 12 and 30, 42 in all.", REASONING + "12 and 30 make 42.")
    far = compare(REASONING + "We get 12 and 30, 42 in all.", REASONING + "5 and 9 make 14.")
    assert 0 <= far.score < close.score <= 1


@given(st.text(max_size=120), st.text(max_size=120))
def test_comparison_is_symmetric(first: str, second: str) -> None:
    one, two = compare(first, second), compare(second, first)
    assert one.agreement == two.agreement
    assert one.score == pytest.approx(two.score)
    assert (one.a, one.b) == (two.b, two.a)


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_numbers_agree_when_they_are_equal(a: int, b: int) -> None:
    result = compare(f"CONCLUSION: {a}", f"Well.\nCONCLUSION: {b}")
    assert result.agreement == ("agree" if a == b else "disagree")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.5", "1/2"),
        ("4", "4.0"),
        ("It is 4.", "CONCLUSION: 4"),
        ("It's 4", "4"),
        ("The result is 42", "42"),
        ("Paris", "paris."),
        ("The capital is Paris", "It is Paris"),
        ("(C)", "C"),
        ("5 km", "5000 m"),
        ("3 March 2024", "2024-03-03"),
        ("{'a': 1}", '{"a": 1}'),
        ("the firm", "firm"),
    ],
)
def test_answers_that_are_nothing_but_equal_conclusions_agree(a: str, b: str) -> None:
    assert compare(a, b).agreement == "agree"


def test_phrases_that_share_a_word_cannot_be_told_apart() -> None:
    assert compare("CONCLUSION: use PostgreSQL", "CONCLUSION: PostgreSQL").agreement == "cannot_tell"
    assert compare("CONCLUSION: Paris", "CONCLUSION: London").agreement == "disagree"
