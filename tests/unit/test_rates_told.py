"""What headers of providers tell of their limits, and what is not believed."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from quorum_mcp.providers.retry import retry_after
from quorum_mcp.providers.told_limits import told_limits

OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6m0s",
}


def test_openais_headers() -> None:
    told = told_limits(OPENAI)
    assert told is not None
    assert (told.requests, told.tokens, told.requests_left, told.tokens_left) == (60, 150_000, 59, 149_984)
    assert told.blocked == 0
    assert abs(told.at - time.monotonic()) < 5


def test_anthropics_headers() -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = told_limits(
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": soon,
            "anthropic-ratelimit-tokens-limit": "40000",
            "anthropic-ratelimit-tokens-remaining": "0",
            "anthropic-ratelimit-tokens-reset": soon,
        }
    )
    assert told is not None
    assert (told.requests, told.requests_left, told.tokens, told.tokens_left) == (50, 49, 40_000, 0)
    assert 15 < told.blocked <= 20


@pytest.mark.parametrize(
    ("reset", "blocked"),
    [("30s", 30), ("120ms", 0.12), ("0.5", 0.5), ("59.9s", 0), ("6m0s", 0), ("-3s", 0), ("soon", 0), ("nan", 0), ("", 0)],
)  # fmt: skip
def test_a_window_is_waited_for_and_a_bucket_that_refills_is_not(reset: str, blocked: float) -> None:
    """An empty bucket of a minute is full again after a minute: that is no reason to wait so long."""
    told = told_limits(OPENAI | {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset})
    assert told is not None
    assert told.blocked == pytest.approx(blocked)


@pytest.mark.parametrize(
    "absurd",
    [
        "",
        "-1",
        "0",
        "nan",
        "inf",
        "1e9",
        "12.5",
        "0x10",
        "many",
        "9" * 30,
        "1 000",
        "٣",
        " ",
        "60, 60",
        "\x00",
    ],
)
def test_what_cannot_be_true_is_not_there(absurd: str) -> None:
    told = told_limits(OPENAI | {"x-ratelimit-limit-requests": absurd})
    assert told is not None
    assert (told.requests, told.requests_left, told.tokens) == (None, 59, 150_000)
    assert told_limits({"x-ratelimit-limit-requests": absurd, "x-ratelimit-limit-tokens": absurd}) is None


def test_no_headers_tell_nothing() -> None:
    assert told_limits({}) is None
    assert told_limits({"content-type": "text/plain", "x-ratelimit-reset-requests": "1s"}) is None


@pytest.mark.parametrize("absurd", ["inf", "nan", "-inf", "1e400", "-5", "soon"])
def test_absurd_waits_are_no_waits(absurd: str) -> None:
    wait = retry_after({"retry-after": absurd})
    assert not wait


def test_random_headers_never_fail() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    alphabet = "0123456789-.:smhTZe +,\t٣é\u2028"
    for _ in range(3_000):
        headers = {name: "".join(chance.choices(alphabet, k=chance.randrange(12))) for name in OPENAI}
        told = told_limits(headers)
        if told is not None:
            assert 0 <= told.blocked < 60
            for count in (told.requests, told.tokens, told.requests_left, told.tokens_left):
                assert count is None or 0 <= count <= 10**9
