"""The arithmetic solver: right, exact, and silent where it would have to guess."""

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorum_mcp.messages import Image, JsonFormat, Message, ModelRequest, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.builtin import is_abstention
from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.show import fixed, rounded, show
from quorum_mcp.providers.builtin.arithmetic.solve import solve
from quorum_mcp.providers.builtin.provider import Builtin

SOLVED = {
    # expressions
    "What is 2 + 2?": "4",
    "2 + 2 = ?": "4",
    "Please calculate 3 x 4.": "12",
    "Hi, can you tell me what is 7 times 8, please?": "56",
    "0.1 + 0.2": "0.3",
    "12.5 * (3 + 4/7)": "625/14",
    "-2^2": "-4",
    "(-2)^2": "4",
    "2^10": "1024",
    "2**3**2": "512",
    "What is 2 to the 10th power?": "1024",
    "8 to the power of 3": "512",
    "What is 45 squared?": "2025",
    "2(3+4)": "14",
    "3 1/2 + 1/4": "3.75",
    "10 − 4 ÷ 2": "8",
    "3.5 million / 7": "500000",
    "1,234,567 + 1": "1234568",
    "123456789 * 987654321": "121932631112635269",
    "1e3 + 1": "1001",
    "17 mod 5": "2",
    "17 % 5": "2",
    "5 less than 12": "7",
    "12 subtracted from 5": "-7",
    "twice 15": "30",
    "5!": "120",
    "What is 10 factorial?": "3628800",
    "10 choose 3": "120",
    # words
    "twenty-five plus seven": "32",
    "What is one hundred and twenty-three thousand times two?": "246000",
    "two million five hundred thousand and six minus one": "2500005",
    "three point one four times two": "6.28",
    "half of 30": "15",
    "two thirds of 90": "60",
    "three-quarters of 80": "60",
    "a dozen times 3": "36",
    "two and a half plus one": "3.5",
    # functions
    "sqrt(144)": "12",
    "the square root of 2": "1.41421356237",
    "√(9/16)": "0.75",
    "cube root of 27": "3",
    "gcd(12, 18)": "6",
    "What is the greatest common divisor of 84 and 36?": "12",
    "lcm of 4, 6 and 10": "60",
    "What is the average of 3, 4, and 8?": "5",
    "average of 1,200 and 3,400": "2300",
    "median of 1, 9, 2, 4": "3",
    "the sum of 1/2 and 1/3": "5/6",
    "difference between 5 and 8": "3",
    "product of 6 and 7": "42",
    # percent
    "What is 17% of 2,340?": "397.8",
    "what is 17 percent of 2340": "397.8",
    "what's 15 percent more than 80": "92",
    "20% less than 50": "40",
    "25% off $60": "$45",
    "increase 200 by 10%": "220",
    "What is 200 decreased by 15%?": "170",
    "what percent of 80 is 20": "25%",
    "20 is what percent of 80?": "25%",
    "20 as a percentage of 80": "25%",
    "20 is 25% of what number?": "80",
    "What is the percent change from 40 to 50?": "25%",
    "percentage decrease from 100 to 80": "20%",
    "percent change from 100 to 80": "-20%",
    "10% of 50% of 80": "4",
    "3/8 as a percentage": "37.5%",
    "1/3 as a decimal": "0.333333333333",
    "0.125 as a fraction": "1/8",
    # money and rounding
    "$12.50 * 3": "$37.50",
    "15% of $80": "$12",
    "$10 / 3": "$3.33",
    "$80 / $20": "4",
    "What is 22/7 rounded to 2 decimal places?": "3.14",
    "2.5 rounded to the nearest integer": "3",
    "1234 rounded to the nearest hundred": "1200",
    # order and properties
    "Which is larger, 9.11 or 9.9?": "9.9",
    "Which is smaller: 3/4 or 0.7": "0.7",
    "Is 3/4 greater than 0.7?": "yes",
    "is 91 prime?": "no",
    "Is 97 a prime number?": "yes",
    "Is 1001 divisible by 13?": "yes",
    "What is the remainder when 17 is divided by 5?": "2",
    # units
    "How many minutes are there in 3.5 hours?": "210 minutes",
    "How many seconds are in a day?": "86400 seconds",
    "convert 5 miles to km": "8.04672 kilometres",
    "5 ft 11 in in cm": "180.34 centimetres",
    "3 hours 20 minutes in seconds": "12000 seconds",
    "2 hours 30 minutes plus 45 minutes": "195 minutes",
    "100 degrees Fahrenheit in Celsius": "37.7777777778 °C",
    "-40°C to °F": "-40 °F",
    "0 K in celsius": "-273.15 °C",
    "60 mph in km/h": "96.56064 km/h",
    "How many ounces in a pound?": "16 ounces",
    "how many ounces in a gallon": "128 fluid ounces",
    "How many bytes in 3 GiB?": "3221225472 bytes",
    "8 Mb in MB": "1 megabyte",
    "1 acre in square feet": "43560 square feet",
    "How many months in 3 years?": "36 months",
    "What is 5 km in miles rounded to 2 decimal places?": "3.11 miles",
    # dates
    "days between 2024-01-15 and March 3, 2024": "48 days",
    "How many days are there from 3rd of March 2023 to Mar 3 2024?": "366 days",
    "how many weeks between 2024-01-01 and 2024-03-01": "8 weeks and 4 days",
    "What day of the week is July 4, 2026?": "Saturday",
    "What day of the week was 1969-07-20?": "Sunday",
    "what is the date 90 days after January 1, 2024?": "2024-03-31",
    "What date is 3 weeks before March 1st, 2025?": "2025-02-08",
    "2024-01-15 plus 2 months": "2024-03-15",
    "Is 1900 a leap year?": "no",
    "Is 2000 a leap year?": "yes",
    "How many days are in February 2024?": "29 days",
    "How many days does 2023 have?": "365 days",
    "What day of the year is March 1, 2024?": "61",
}

ABSTAINED = {
    "": "nothing to compute",
    "What is the capital of France?": "nothing to compute",
    "If Anna has 3 apples and buys 4 more, how many does she have?": "do not know what “if”",
    "A train travels 60 miles in 1.5 hours. What is its speed?": "",
    "Which of these is prime? A) 4 B) 7 C) 9": "",
    "def f(x): return x + 1": "",
    "print(2 + 2)": "",
    "Explain 2 + 2": "explain",
    "Write a poem about 7 seas": "",
    "What is x if 2x + 3 = 7?": "",
    "2 + + ": "",
    "3 of 20": "percentage or a fraction",
    "200 + 10%": "two ways",
    "6/2(1+2)": "two ways",
    "the square root of 16 plus 9": "two ways",
    "sum of 3 and 4 times 2": "two ways",
    "What is 5 + 5!": "factorial",
    "the sum of one hundred and five": "two separate numbers",
    "gcd(1,200, 300)": "comma",
    "average of 1,200,300": "two separate numbers",
    "twenty-fifth plus 1": "",
    "1/0": "division by zero",
    "0^0": "undefined",
    "sqrt(-4)": "no real square root",
    "2 * sqrt(2)": "irrational",
    "2^100000": "1,000 digits",
    "9^9^9": "1,000 digits",
    "10000000!": "1,000 digits",
    "1e999 * 2": "900 digits",
    "$5 * $6": "dollars",
    "$5 + 3": "dollars",
    "5 tons in kg": "metric, short or long",
    "5 kg in metres": "measure",
    "How many days are in a year?": "no fixed number of days",
    "How many days are in February?": "28 or 29",
    "-500 celsius in fahrenheit": "absolute zero",
    "days between 03/04/2024 and 05/04/2024": "two dates",
    "days between March 1 and March 15": "no year",
    "days between today and 2030-01-01": "clock",
    "what is the date 1 month after 2024-01-31": "convention",
    "what day of the week is 2023-02-29": "not a date",
    "percentage increase from 100 to 80": "goes down",
    "((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))": "nested",
    "1+" * 600 + "1": "longer",
}


@pytest.mark.parametrize(("question", "conclusion"), SOLVED.items())
def test_solves(question: str, conclusion: str) -> None:
    assert solve(question).conclusion == conclusion


@pytest.mark.parametrize(("question", "reason"), ABSTAINED.items(), ids=lambda text: text[:40])
def test_abstains(question: str, reason: str) -> None:
    with pytest.raises(Abstain) as caught:
        solve(question)
    assert reason in caught.value.reason
    assert not caught.value.reason.endswith(".")


def test_the_answer_ends_with_its_conclusion() -> None:
    lines = solve("(1 + 2) * 3").text.splitlines()
    assert lines == ["1 + 2 = 3", "3 × 3 = 9", "CONCLUSION: 9"]


numbers = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=1000)
expressions = st.recursive(
    st.decimals(min_value=0, max_value=10**6, places=3).map(lambda d: (str(d), Fraction(d))),
    lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "/"]), inner, inner).map(
        lambda t: (f"({t[1][0]} {t[0]} {t[2][0]})", _apply(t[0], t[1][1], t[2][1]))
    ),
    max_leaves=12,
)


def _apply(sign: str, a: Fraction | None, b: Fraction | None) -> Fraction | None:
    if a is None or b is None or (sign == "/" and b == 0):
        return None
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign]


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_expressions_are_exact(case: tuple[str, Fraction | None]) -> None:
    text, expected = case
    if expected is None:
        with pytest.raises(Abstain, match="division by zero"):
            solve(text)
    elif len(text) <= 1000:
        assert solve(text).conclusion == show(expected)


@settings(max_examples=200, deadline=None)
@given(numbers)
def test_shown_numbers_are_exact_or_rounded_right(value: Fraction) -> None:
    text = show(value)
    if "/" in text or Fraction(text) == value:
        assert Fraction(text) == value
    else:
        assert abs(Fraction(text) - value) <= abs(value) * Fraction(1, 10**11)
    assert abs(Fraction(fixed(value, 2)) - value) <= Fraction(1, 200)
    assert abs(Fraction(rounded(value)) - value) <= abs(value) * Fraction(1, 10**11)


def test_random_text_is_never_a_crash() -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    rng = random.Random(seed)
    words = [
        "12",
        "3.5",
        "(",
        ")",
        "+",
        "-",
        "*",
        "/",
        "^",
        "%",
        "!",
        "of",
        "percent",
        "and",
        ",",
        "the",
        "sum",
    ]
    words += [
        "days",
        "between",
        "2024-01-01",
        "in",
        "km",
        "miles",
        "how many",
        "what is",
        "twenty",
        "half",
        "$",
    ]
    for _ in range(2000):
        text = " ".join(rng.choice(words) for _ in range(rng.randrange(1, 10)))
        try:
            assert solve(text).conclusion
        except Abstain as reason:
            assert reason.reason


@pytest.mark.parametrize(
    "text",
    ["which of 1 " + "or 1 " * 190, "days between 1" + " and 1" * 160, "5 in" * 240, "1%" * 400, "?=" * 490],
)
def test_hostile_questions_are_answered_fast(text: str) -> None:
    before = time.process_time()
    with pytest.raises(Abstain):
        solve(text)
    assert time.process_time() - before < 3.0


def _request(*messages: Message, model: str = "arithmetic", **more: object) -> ModelRequest:
    return ModelRequest(model, messages, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.anyio
async def test_the_provider_answers_abstains_and_refuses() -> None:
    provider = Builtin()
    answer = await provider.complete(_request(message("user", "What is 17% of 2,340?")), Timeouts())
    assert answer.text.endswith("CONCLUSION: 397.8")
    assert not is_abstention(answer.text)
    assert answer.usage.cost == 0

    abstained = await provider.complete(_request(message("user", "Who wrote Faust?")), Timeouts())
    assert is_abstention(abstained.text)
    assert "CONCLUSION" not in abstained.text

    for broken in (
        _request(message("user", "1+1"), model="algebra"),
        _request(message("user", "1+1"), format=JsonFormat()),
        _request(Message("user", (Image(url="https://example.org/a.png"),))),
    ):
        with pytest.raises(Exception) as caught:
            await provider.complete(broken, Timeouts())
        assert getattr(caught.value, "code", None) in ("provider_refused", "unsupported")


@pytest.mark.anyio
async def test_the_stream_adds_up_to_the_answer() -> None:
    request = _request(message("system", "End with CONCLUSION: <answer>"), message("user", "(1 + 2) * 3"))
    items = [item async for item in Builtin().stream(request, Timeouts())]
    *deltas, answer = items
    assert "".join(delta.text for delta in deltas) == answer.text
    assert answer.text == (await Builtin().complete(request, Timeouts())).text
