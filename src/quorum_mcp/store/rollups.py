"""Figures over calls, added up as the calls are stored: sums and histograms, in slots of time.

A slot is `SLOT` long at first; `folding` later puts old ones together. Simulated calls are not in them. A call
that the cache answered counts as a call, and in no figure about a provider.
"""

from collections.abc import Iterable
from operator import add
from typing import Final

from sqlalchemy import Connection

from quorum_mcp.store.bulk import add_up
from quorum_mcp.store.call_rows import NOT_ITS_FAULT, CallRecord
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.control_tables import histograms, rollups
from quorum_mcp.store.histograms import bucket_of

SLOT: Final = 5 * 60 * MICROSECONDS
"""Microseconds."""
ONE_PIECE_MS = 2
"""An answer whose first piece came so shortly before its end came as a whole."""

MEASURES = ("latency", "first_token", "throughput")
"""What there are histograms of."""

Group = tuple[int, str, str, str, str]
Sums = tuple[int, ...]
Place = tuple[str, int, str, str, str, int]


def roll_up(conn: Connection, new: Iterable[CallRecord]) -> None:
    """Add calls to the figures; each must have been stored just now, by this transaction."""
    sums: dict[Group, Sums] = {}
    counts: dict[Place, int] = {}
    for call in new:
        if call.simulated:
            continue
        starts_at = call.created_at - call.created_at % SLOT
        group = (starts_at, call.tenant, call.key_id or "", call.provider, call.model)
        figures = _figures(call)
        before = sums.get(group)
        sums[group] = figures if before is None else tuple(map(add, before, figures))
        for measure, value in _measured(call):
            place = (measure, starts_at, call.tenant, call.provider, call.model, bucket_of(value))
            counts[place] = counts.get(place, 0) + 1
    add_up(conn, rollups, [group + sums[group] for group in sorted(sums)])
    add_up(conn, histograms, [(*place, counts[place]) for place in sorted(counts)])


def generation_ms(call: CallRecord) -> int | None:
    """Milliseconds in which the answer was written: from its first piece on, or all of it where it is one piece."""
    if call.latency_ms is None or call.first_token_ms is None:
        return None
    streamed = call.latency_ms - call.first_token_ms
    return streamed if streamed > ONE_PIECE_MS else call.latency_ms


def _figures(call: CallRecord) -> Sums:
    """The columns of `rollups` behind its key, for one call."""
    ok, failed = int(call.status == "ok"), int(call.status == "error")
    cached = 0 if call.attempts else ok
    timed = ok - cached
    generated = (generation_ms(call) or 0) * timed
    priced = int(call.cost is not None)
    return (
        1,
        cached,
        ok,
        failed,
        0 if call.error_code in NOT_ITS_FAULT else failed,
        call.input_tokens,
        call.output_tokens,
        call.cost or 0,
        priced,
        (call.input_tokens + call.output_tokens) * priced,
        (call.latency_ms or 0) * timed,
        call.output_tokens if generated else 0,
        generated,
    )


def _measured(call: CallRecord) -> Iterable[tuple[str, float]]:
    """The values of a call that go into histograms: milliseconds, and tokens a second."""
    if call.status != "ok" or not call.attempts or call.latency_ms is None:
        return
    yield "latency", call.latency_ms
    if call.first_token_ms is not None:
        yield "first_token", call.first_token_ms
    generated = generation_ms(call)
    if generated and call.output_tokens:
        yield "throughput", call.output_tokens * 1000 / generated
