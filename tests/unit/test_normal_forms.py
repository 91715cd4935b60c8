"""Equal answers share a key however they are written, different ones do not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorum_mcp.consensus.reading.conclusions import Conclusion, find, same
from quorum_mcp.consensus.reading.normal import context, read


def said(answer: str, question: str | None = None) -> Conclusion:
    found = find(f"CONCLUSION: {answer}", question=question)
    assert found is not None, answer
    return found


EQUAL = [
    ("1,234", "1234"),
    ("1 234", "1234"),
    ("1{,}234", "1234"),
    ("0.5", "1/2"),
    (r"\frac12", "0.5"),
    (r"\dfrac{1}{2}", "1/2"),
    ("½", "0.5"),
    ("3 1/2", "3.5"),
    (r"3\frac{1}{2}", "7/2"),
    ("1.5e3", "1500"),
    (r"1.5 \times 10^3", "1500"),
    ("−3", "-3"),
    ("forty-two", "42"),
    ("1 million", "1,000,000"),
    ("50%", "0.5"),
    ("50%", "50 percent"),
    (r"25\%", "25%"),
    ("approximately 3.14", "3.14"),
    ("5 km", "5000 m"),
    ("5 km", "5"),
    ("100 km/h", "100 kph"),
    ("5 cm^2", "5 square centimeters"),
    ("10 minutes", "600 seconds"),
    ("90^\\circ", "90 degrees"),
    ("$18", "18 dollars"),
    ("$18.00", "18"),
    ("USD 18", "$18"),
    ("€5", "5 euros"),
    ("47 pets", "47"),
    ("2024-03-03", "3 March 2024"),
    ("March 3rd, 2024", "Sunday, 3 March 2024"),
    ("(A)", "A"),
    ("A) the first one", "A"),
    ("**A**", "a"),
    ("Option B", "B"),
    (r"\text{(C)}", "C"),
    ("yes", "Yes."),
    ("True", "true"),
    ("'abc'", '"abc"'),
    ("[1, 2]", "[1,2]"),
    ("{'a': 1, 'b': 2}", '{"b": 2, "a": 1.0}'),
    (r"\sqrt{2}/2", r"\frac{1}{\sqrt{2}}"),
    ("6\\sqrt{3}-9", "-9+6√3"),
    ("2\\pi", "2π"),
    (r"\sin(\pi/6)", "1/2"),
    ("$x^2+2x+1$", "(x+1)^2"),
    ("2x+3y=6", "4x+6y=12"),
    ("y = 2x + 3", "2x+3"),
    ("x > 3", "3 < x"),
    ("x = 5", "5"),
    (r"\left(1,2\right)", "(1, 2)"),
    (r"[0, 1)", r"\left[0,1\right)"),
    (r"(-\infty, 3]", "(-∞,3]"),
    (r"\{1,2\}", "{2, 1}"),
    ("x=1 or x=2", "2, 1"),
    (r"x \in [1,2]", "[1,2]"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"),
    (r"3 \pm \sqrt{2}", r"3 - \sqrt 2, 3 + \sqrt 2"),
    ("the Eiffel Tower", "Eiffel tower."),
    (r"\boxed{5}", "$5$"),
    ("The answer is 5.", "5"),
]
DIFFERENT = [
    ("5", "6"),
    ("-5", "5"),
    ("1.5", "15"),
    ("1,2,3", "123"),
    ("0.5", "50"),
    ("5 km", "5 m"),
    ("5 hours", "5 minutes"),
    ("$5", "€5"),
    ("10 degrees C", "10 degrees F"),
    ("(1,2)", "(2,1)"),
    ("[1,2]", "[2,1]"),
    ("(0,1)", "[0,1]"),
    ("{1,2}", "{1,3}"),
    ("A", "B"),
    ("A", "a cat"),
    ("C", "C++"),
    ("yes", "no"),
    ("Paris", "London"),
    ("guilty", "not guilty"),
    ("2024-03-03", "2024-03-04"),
    ("'Ab'", "'aB'"),
    ("x^2", "x^3"),
    ("O(n log n)", "O(n)"),
    (r"\sqrt{2}", "2"),
]


@pytest.mark.parametrize(("first", "second"), EQUAL)
def test_equal_answers_agree(first: str, second: str) -> None:
    assert same(said(first), said(second)), (said(first), said(second))


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_different_answers_do_not(first: str, second: str) -> None:
    assert not same(said(first), said(second)), (said(first), said(second))


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("1,234", "1234"),
        ("75.00", "75"),
        ("47 pets", "47"),
        ("(c) because", "C"),
        (r"$\frac{3}{4}$", r"\frac{3}{4}"),
        (r"x = 2\sqrt{3}", r"2\sqrt{3}"),
        ("**Paris**.", "Paris"),
        ("[1, 2]", "[1, 2]"),
        (r"2^{10}", "1024"),
    ],
)
def test_what_is_shown_is_tidy(answer: str, shown: str) -> None:
    assert said(answer).text == shown


def test_percent_follows_the_question() -> None:
    question = "What percent of the people are children?"
    assert same(said("20%", question), said("20", question))
    assert not same(said("20%", question), said("0.2", question))


def test_a_unit_that_was_asked_for_is_not_repeated() -> None:
    assert said("10 meters", "How long is the hall, in meters?").text == "10"
    assert said("10 meters", "How long is the hall?").text == "10 meters"


QUESTION = "Which city is it?\nA. Paris\nB. London\nC. 42 km away"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Paris", "A"),
        ("(b)", "B"),
        ("B. London", "B"),
        ("42 kilometres away", "C"),
        ("The answer is London.", "B"),
        ("So it must be London.", "B"),
        ("A is far, B is near; the correct option is B.", "B"),
    ],
)
def test_options_of_the_question_are_recognised(text: str, letter: str) -> None:
    found = find(text, question=QUESTION)
    assert found is not None
    assert (found.text, found.kind) == (letter, "choice")


@pytest.mark.parametrize("text", ["Berlin", "A or B?", "It is either Paris or London."])
def test_what_is_no_option_is_no_choice(text: str) -> None:
    assert find(text, question=QUESTION) is None


CODE = "Complete it.\n[PYTHON]\ndef f(x):\n    return x\nassert f('19') == ??\n[/PYTHON]"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("'00019'", "00019"),
        ("'a b'", "a b"),
        ("[1, 2]", "[1,2]"),
        ("''", "an empty string"),
        (r"'a\nb'", r"a\nb"),
    ],
)
def test_code_reads_values_with_and_without_quotes(first: str, second: str) -> None:
    assert same(said(first, CODE), said(second, CODE))


@pytest.mark.parametrize(
    ("first", "second"), [("00019", "19"), ("Ab", "aB"), ("TEN", "10"), ("1,234", "1234")]
)
def test_code_reads_nothing_as_something_else(first: str, second: str) -> None:
    assert not same(said(first, CODE), said(second, CODE))


@given(st.integers(-(10**12), 10**12))
def test_integers_survive_separators_and_latex(number: int) -> None:
    plain = said(str(number))
    for other in (
        f"{number:,}",
        f"${number}$",
        f"\\boxed{{{number}}}",
        f"{number}.",
        f"{number}.0",
        f"**{number}**",
    ):
        assert same(plain, said(other))


@given(st.integers(-999, 999), st.integers(1, 999))
def test_fractions_survive_latex(top: int, bottom: int) -> None:
    assert same(said(f"{top}/{bottom}"), said(f"\\frac{{{top}}}{{{bottom}}}"))


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_reading_never_raises_and_keys_name_their_kind(text: str) -> None:
    found = read(text, context(None))
    if found is not None:
        assert found.key.split(":", 1)[0] in {
            "number", "quantity", "choice", "date", "truth", "literal", "formula", "phrase",
        }  # fmt: skip
        assert same(found, found)
