"""Calendar windows in time zones, over the days on which the clocks change."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quorum_mcp.store.periods import TOTAL, window

ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana")
HOUR = 3600 * 1_000_000


def us(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("period", "zone", "now", "starts", "resets"),
    [
        ("hourly", "UTC", "2026-11-21T06:59:59+00:00", "2026-11-21T06:00+00:00", "2026-11-21T07:00+00:00"),
        ("hourly", "Asia/Kolkata", "2026-11-21T06:40+00:00", "2026-11-21T06:30+00:00", "2026-11-21T07:30+00:00"),
        ("daily", "UTC", "2026-11-21T00:00+00:00", "2026-11-21T00:00+00:00", "2026-11-22T00:00+00:00"),
        ("daily", "Europe/Vienna", "2026-11-20T23:30+00:00", "2026-11-20T23:00+00:00", "2026-11-21T23:00+00:00"),
        # 25 hours, 23 hours, and an hour that comes twice.
        ("daily", "Europe/Vienna", "2026-10-25T12:00+00:00", "2026-10-24T22:00+00:00", "2026-10-25T23:00+00:00"),
        ("daily", "Europe/Vienna", "2026-03-29T12:00+00:00", "2026-03-28T23:00+00:00", "2026-03-29T22:00+00:00"),
        ("hourly", "Europe/Vienna", "2026-10-25T00:30+00:00", "2026-10-25T00:00+00:00", "2026-10-25T01:00+00:00"),
        ("hourly", "Europe/Vienna", "2026-10-25T01:30+00:00", "2026-10-25T01:00+00:00", "2026-10-25T02:00+00:00"),
        ("weekly", "UTC", "2026-11-22T23:59+00:00", "2026-11-16T00:00+00:00", "2026-11-23T00:00+00:00"),
        ("weekly", "UTC", "2027-01-01T00:00+00:00", "2026-12-28T00:00+00:00", "2027-01-04T00:00+00:00"),
        ("monthly", "UTC", "2026-12-31T23:59+00:00", "2026-12-01T00:00+00:00", "2027-01-01T00:00+00:00"),
        ("monthly", "America/New_York", "2026-03-01T04:59+00:00", "2026-02-01T05:00+00:00", "2026-03-01T05:00+00:00"),
    ],
)  # fmt: skip
def test_windows(period: str, zone: str, now: str, starts: str, resets: str) -> None:
    found = window(period, us(now), ZoneInfo(zone))  # type: ignore[arg-type]
    assert (found.starts_at, found.resets_at) == (us(starts), us(resets))


def test_the_total_never_ends() -> None:
    assert window("total", us("2026-11-21T06:00+00:00"), UTC) == TOTAL
    assert TOTAL.holds(10**18)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["hourly", "daily", "weekly", "monthly"])
def test_windows_follow_each_other(period: str, zone: str) -> None:
    """Every moment is in one window, and where one ends the next begins."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    where = ZoneInfo(zone)
    for _ in range(100):
        now = us("2024-01-01T00:00+00:00") + chance.randrange(4 * 365 * 24) * HOUR + chance.randrange(HOUR)
        found = window(period, now, where)  # type: ignore[arg-type]
        assert found.holds(now)
        assert found.resets_at is not None
        assert window(period, found.starts_at, where).starts_at == found.starts_at  # type: ignore[arg-type]
        following = window(period, found.resets_at, where)  # type: ignore[arg-type]
        assert following.starts_at >= found.starts_at
        assert following.resets_at is not None
        assert following.resets_at > found.resets_at
