"""Conclusions are found wherever models put them, and nowhere else."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorum_mcp.consensus.reading.conclusions import find, search

REASONING = "The train leaves at noon and covers the whole distance in the time that the table gives for it. "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Because of this.\n\nCONCLUSION: 42", "42"),
        ("**CONCLUSION:** 42.", "42"),
        ("## Conclusion: `[1, 2]`", "[1, 2]"),
        ("> CONCLUSION: **B**", "B"),
        ("CONCLUSION:\n\n7", "7"),
        ("CONCLUSION: The answer is 5.", "5"),
        ("CONCLUSION: 1\nNo, wait.\nCONCLUSION: 2", "2"),
        ("CONCLUSION: 7\n\nCONCLUSION: <your answer>", "7"),
        ('CONCLUSION: {\n  "a": 1,\n  "b": 2\n}', '{\n  "a": 1,\n  "b": 2\n}'),
        ("CONCLUSION: use PostgreSQL", "use PostgreSQL"),
        ('The answer is 3.\n{"answer": "4"}\nCONCLUSION: 5', "5"),
    ],
)
def test_the_last_conclusion_line_wins(text: str, shown: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.text, found.stated) == (shown, True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"reasoning": "long", "answer": "12"}', "12"),
        ('Sure!\n```json\n{\n "reasoning": "x",\n "answer": 12\n}\n```\nDone.', "12"),
        ('{"reasoning": "a "quoted" word", "answer": "it is "so""}', 'it is "so"'),
        ('{"final_answer": ["a", "b"]}', '["a", "b"]'),
        (r'{"reasoning": "\( x \)", "answer": "\frac{1}{2}"}', r"\frac{1}{2}"),
        (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        ("{'reasoning': 'x', 'answer': 'Paris'}", "Paris"),
        ('{"reasoning": "cut off", "answer": "9', "9"),
    ],
)
def test_the_answer_field_of_json_is_read_also_when_broken(text: str, shown: str) -> None:
    found = find(text)
    assert found is not None
    assert found.text == shown


def test_null_in_an_answer_field_is_no_conclusion() -> None:
    assert find('{"reasoning": "I do not know.", "answer": null}') is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"We get $\boxed{\frac{3}{4}}$ in the end.", r"\frac{3}{4}"),
        (r"First \boxed{1}, then \boxed{2}.", "2"),
        (r"\boxed{{48}}", "48"),
        (r"\boxed{\text{B}}. The other options do not fit, since A is empty.", "B"),
        (r"The volume is $\boxed{4.2}$ litres. Therefore, the answer is (B).", "B"),
    ],
)
def test_boxes(text: str, shown: str) -> None:
    found = find(text)
    assert found is not None
    assert found.text == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Two of them remain. The answer is (C).", "C"),
        ("The answer is (C) because B is wrong.", "C"),
        ("The correct answer is **B**. It fits best.", "B"),
        ("**Answer:** 12 apples", "12"),
        ("The final answer is:\n\n$x = 5$", "5"),
        ("It all fits.\n\nSo: 8.", "8"),
        ("Only the third one is left, hence (C).", "C"),
        ("The answer is 3.5, as the table shows.", "3.5"),
        ("The answer is Paris.", "Paris"),
    ],
)
def test_announcements_in_prose(text: str, shown: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.text, found.stated) == (shown, True)


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        ("Therefore, it takes 3 + 4 = 7 hours.", "7 hours"),
        ("Thus, $a + b = 108 + 9 = 117$.", "117"),
        ("Therefore, there are 14 integers a between 2 and 300.", "14"),
        ("Therefore, 4 trucks are needed to move 80 stones in one trip.", "4"),
        ("So the minimum is 8, which occurs when x = 2.", "8"),
        ("Thus, the remainder when 43116 is divided by 210 is 66.", "66"),
        ("Finally, 80 - 48 = $32.", "$32"),
    ],
)
def test_the_value_that_an_argument_ends_with(ending: str, shown: str) -> None:
    found = find(REASONING + ending)
    assert found is not None
    assert (found.text, found.stated) == (shown, False)


def test_a_check_behind_the_result_does_not_hide_it() -> None:
    found = find(REASONING + "Therefore, n = 41.\n\nWe can verify: 41 + 2 = 43, and 43 is prime.")
    assert found is not None
    assert found.text == "41"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "I would rename the function and split the file. Add tests, at least 3 for each branch.",
        "My review:\n\n- The loop is fine.\n- Use 2 workers.\n- Timeouts of 30 s are too long.",
        "Start small. A list of ideas follows below, in no order. It depends on what you need most, and on the team.",
        "\x00\ufffd{{{",
    ],
)
def test_advice_has_no_short_conclusion(text: str) -> None:
    assert find(text) is None


def test_letters_that_differ_are_reported() -> None:
    found = search(REASONING + "The answer is (I).\n\nFinal answer: The answer is (F).")
    assert found is not None
    assert (found.conclusion.text, found.rivals) == ("I", ("choice:F",))
    corrected = search(REASONING + "The answer is (A). Wait, that is a mistake. The answer is (B).")
    assert corrected is not None
    assert corrected.conclusion.text == "B"


def test_an_answer_ends_where_the_model_asks_itself_something_new() -> None:
    found = find(REASONING + "The answer is (D).\n\nQuestion: What is next?\nThe answer is (A).")
    assert found is not None
    assert found.text == "D"


def test_answer_formats() -> None:
    text = REASONING + "Out of the 10 cars, the answer is B."
    assert (found := find(text, answer_format="choice")) is not None
    assert found.text == "B"
    assert find("The answer is Paris.", answer_format="number") is None
    assert (found := find("The answer is A.", answer_format="text")) is not None
    assert found.kind == "phrase"


PIECES = [
    "CONCLUSION: ", "conclusion:\n", "The answer is (", "So: x = ", "hence ", '"answer": "', "\\boxed{", "\\frac{",
    "\\sqrt[", "{", "}", "(", "[", "$", "**", "= ", "1,", "1/2 ", "^", "\\", '"', "'", "\n", "because ", "in 5 ", "-",
]  # fmt: skip


def cpu_seconds(text: str) -> float:
    start = time.process_time()
    find(text)
    return time.process_time() - start


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_nonsense_is_read_in_one_go(piece: str) -> None:
    """Reading in the square of the length would take minutes; the bound is far from both."""
    assert cpu_seconds(piece * (1_000_000 // len(piece))) < 10


def test_mixed_nonsense_is_quick_and_never_raises() -> None:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    source = random.Random(seed)
    for _ in range(300):
        text = "".join(source.choice(PIECES) for _ in range(source.choice((5, 40, 200))))
        start = time.process_time()
        find(text)
        assert time.process_time() - start < 2, text


@settings(max_examples=300)
@given(st.text(alphabet=st.characters(), max_size=400), st.none() | st.text(max_size=100))
def test_any_text_and_question(text: str, question: str | None) -> None:
    found = find(text, question=question)
    assert found is None or found.key


@given(st.lists(st.integers() | st.text(max_size=5) | st.lists(st.booleans(), max_size=3), max_size=4))
def test_json_answers_come_back_whole(value: list[object]) -> None:
    found = find(json.dumps({"reasoning": "see above", "answer": value}))
    assert found is not None
    assert json.loads(found.text) == value
