"""Figures over calls, added up as the calls are stored: sums and histograms, in slots of time.

A slot is `SLOT` long at first; `folding` later puts old ones together. Simulated calls are not in them. A call
that the cache answered counts as a call, and in no figure about a provider.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

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
Values = tuple[list[int], list[int], list[float]]
"""What goes into the histograms, as `MEASURES`: milliseconds, milliseconds, and tokens a second."""
Place = tuple[str, int, str, str, str, int]


def roll_up(conn: Connection, new: Iterable[CallRecord]) -> None:
    """Add calls to the figures; each must have been stored just now, by this transaction."""
    groups: dict[Group, list[CallRecord]] = {}
    for call in new:
        if not call.simulated:
            starts_at = call.created_at - call.created_at % SLOT
            group = (starts_at, call.tenant, call.key_id or "", call.provider, call.model)
            groups.setdefault(group, []).append(call)
    rows: list[tuple[Any, ...]] = []
    counts: dict[Place, int] = {}
    for group in sorted(groups):
        starts_at, tenant, _, provider, model = group
        sums, measured = _added_up(groups[group])
        rows.append(group + sums)
        for measure, values in zip(MEASURES, measured, strict=True):
            for value, count in Counter(values).items():
                place = (measure, starts_at, tenant, provider, model, bucket_of(value))
                counts[place] = counts.get(place, 0) + count
    add_up(conn, rollups, rows)
    add_up(conn, histograms, [(*place, counts[place]) for place in sorted(counts)])


def generation_ms(call: CallRecord) -> int | None:
    """Milliseconds in which the answer was written: from its first piece on, or all of it where it is one piece."""
    if call.latency_ms is None or call.first_token_ms is None:
        return None
    streamed = call.latency_ms - call.first_token_ms
    return streamed if streamed > ONE_PIECE_MS else call.latency_ms


def _added_up(calls: Sequence[CallRecord]) -> tuple[Sums, Values]:
    """The columns of `rollups` behind its key, and what is measured, of one group. One loop: it runs for every call."""
    cached = ok = failed = faults = tokens_in = tokens_out = cost = 0
    priced = priced_tokens = latency_ms = generated_tokens = generated_ms = 0
    values: Values = [], [], []
    latency, first_token, throughput = values
    for call in calls:
        used, written = call.input_tokens, call.output_tokens
        tokens_in += used
        tokens_out += written
        if call.cost is not None:
            cost += call.cost
            priced += 1
            priced_tokens += used + written
        if call.status == "ok":
            ok += 1
            if not call.attempts:
                cached += 1
                continue
            if (lasted := call.latency_ms) is None:
                continue
            latency_ms += lasted
            latency.append(lasted)
            if call.first_token_ms is not None:
                first_token.append(call.first_token_ms)
            if generated := generation_ms(call):
                generated_tokens += written
                generated_ms += generated
                if written:
                    throughput.append(written * 1000 / generated)
        elif call.status == "error":
            failed += 1
            faults += call.error_code not in NOT_ITS_FAULT
    return (
        len(calls),
        cached,
        ok,
        failed,
        faults,
        tokens_in,
        tokens_out,
        cost,
        priced,
        priced_tokens,
        latency_ms,
        generated_tokens,
        generated_ms,
    ), values
