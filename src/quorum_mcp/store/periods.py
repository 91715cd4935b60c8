"""Calendar windows: which hour, day, week, month a moment is in, in a time zone."""

from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

from quorum_mcp.config.bounds import Period
from quorum_mcp.store.clock import MICROSECONDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(Struct, frozen=True):
    """From `starts_at` up to, not including, `resets_at` (microseconds since 1970; None: it never ends)."""

    starts_at: int
    resets_at: int | None

    def holds(self, now_us: int) -> bool:
        """Whether a moment is in it."""
        return self.starts_at <= now_us and (self.resets_at is None or now_us < self.resets_at)


TOTAL = Window(0, None)


def window(period: Period, now_us: int, zone: tzinfo) -> Window:
    """The window of `period` that `now_us` is in. Weeks begin on Monday, as in ISO 8601.

    A day on which the clocks change has 23 or 25 hours; an hour that comes twice is two windows.
    """
    if period == "total":
        return TOTAL
    local = (_EPOCH + timedelta(microseconds=now_us)).astimezone(zone)
    if period == "hourly":
        start = local.replace(minute=0, second=0, microsecond=0)
        following = _instant((start + timedelta(hours=1)).replace(fold=0))
        if following <= now_us:  # The hour after this one has begun before, by the clock on the wall.
            following = _instant((start + timedelta(hours=1)).replace(fold=1))
        starts_at = _instant(start)
        an_hour = starts_at + 3600 * MICROSECONDS
        return Window(starts_at, an_hour if an_hour > now_us else following)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "daily":
        start, end = midnight, midnight + timedelta(days=1)
    elif period == "weekly":
        start = midnight - timedelta(days=midnight.weekday())
        end = start + timedelta(days=7)
    else:
        start = midnight.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    return Window(_instant(start), _instant(end))


def _instant(wall: datetime) -> int:
    """Microseconds since 1970 of what the clock on the wall shows; arithmetic on it was the wall's."""
    return (wall - _EPOCH) // timedelta(microseconds=1)
