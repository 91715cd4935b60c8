"""What was used, by whom and of what: requests, tokens, cost."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.reports.measures import USAGE
from quorum_mcp.store.figures import Figures, Slots, Sums
from quorum_mcp.store.records import CallFilter

GroupBy = Literal["organization", "key", "model", "provider", "tag", "day"]
COLUMNS: dict[GroupBy, tuple[str, ...]] = {
    "organization": ("tenant",),
    "key": ("key_id",),
    "model": ("provider", "model"),
    "provider": ("provider",),
    "day": ("starts_at",),
}
"""The columns of the figures that make a group."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Usage(Struct, frozen=True):
    """Sums for each group, in order, and over all. The group None: without a key, or without a tag."""

    groups: dict[str | None, Sums]
    total: Sums


async def usage(figures: Figures, by: GroupBy, where: Slots, zone: tzinfo) -> Usage:
    """What was used in some slots of time; days are those of `zone`.

    A call with two tags is in the sums of both, and once in the total. Tags are known as long as the calls
    themselves are kept; everything else is known for good.
    """
    if by == "tag":
        kept = CallFilter(tenant=where.tenant, since=where.since, until=where.until, simulated=False)
        found = await figures.by_tags(kept)
        tagged: defaultdict[str | None, list[Sums]] = defaultdict(list)
        for tags, sums in found.items():
            for tag in set(tags) or (None,):
                tagged[tag].append(sums)
        return Usage(_ordered(tagged), sum(found.values(), Sums()))
    sums_of = await figures.sums(where, COLUMNS[by], USAGE)
    grouped: defaultdict[str | None, list[Sums]] = defaultdict(list)
    for key, sums in sums_of.items():
        grouped[_name(by, key, zone)].append(sums)
    return Usage(_ordered(grouped), sum(sums_of.values(), Sums()))


def _ordered(groups: dict[str | None, list[Sums]]) -> dict[str | None, Sums]:
    """By name, what has none first."""
    names = sorted(groups, key=lambda name: (name is not None, name or ""))
    return {name: sum(groups[name], Sums()) for name in names}


def _name(by: GroupBy, key: Sequence[Any], zone: tzinfo) -> str | None:
    if by == "day":
        return _day(int(key[0]), zone)
    return "/".join(map(str, key)) or None


@lru_cache(maxsize=100_000)
def _day(at: int, zone: tzinfo) -> str:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).date().isoformat()
