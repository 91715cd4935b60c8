"""The journal's file: what was written is read back, whatever happened to the last line; halves turn safely."""

import os
import random
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorum_mcp.store.segment import COMPLETE, Orphan, Segment, content, size

HALF = 1 << 12


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "one", HALF)
    lines = [b'{"n":%d}' % n for n in range(20)]
    for line in lines:
        segment.append(line)
    found = content(segment.path.read_bytes())
    assert (found.payloads, found.damaged) == (lines, 0)
    assert segment.path.stat().st_size == 2 * HALF
    segment.close(delete=True)
    assert list(tmp_path.iterdir()) == []


def test_a_turn_keeps_what_it_is_given_and_forgets_the_rest(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "one", HALF)
    for turn in range(7):
        room = segment.room
        segment.append(b"old %d" % turn)
        assert segment.room == room - size(b"old %d" % turn)
        segment.turn([b"kept %d" % turn, b"too"])
        segment.append(b"new %d" % turn)
        assert content(segment.path.read_bytes()).payloads == [b"kept %d" % turn, b"too", b"new %d" % turn]
    segment.close(delete=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=60).filter(lambda line: line and b"\n" not in line), st.none()),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_a_death_at_any_byte_loses_at_most_the_line_it_cut(
    tmp_path_factory: pytest.TempPathFactory, actions: list[bytes | None], source: random.Random
) -> None:
    """Writes and turns (None); the last write is cut anywhere. A cut turn leaves what was there before it."""
    segment = Segment.create(tmp_path_factory.mktemp("journal"), "one", HALF)
    live: list[bytes] = []
    before, expected = segment.path.read_bytes(), live
    for action in actions:
        before, expected = segment.path.read_bytes(), list(live)
        if action is None:
            live = [line for line in live if source.random() < 0.3]
            segment.turn(live)
        elif segment.room >= size(action):
            segment.append(action)
            live.append(action)
    after = segment.path.read_bytes()
    segment.close(delete=True)
    assert content(after).payloads == live
    changed = [at for at in range(len(after)) if after[at] != before[at]]
    if changed:
        first, last = changed[0], changed[-1]
        cut = source.randint(first, last)
        found = content(after[:cut] + before[cut:]).payloads
        # Lines of the half that is being filled may be there twice: storing them is idempotent.
        assert set(expected) <= set(found)
        assert set(found) <= set(expected) | set(live)


def test_a_damaged_line_takes_no_other_with_it(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "one", HALF)
    for n in range(5):
        segment.append(b"line %d" % n)
    data = bytearray(segment.path.read_bytes())
    data[data.index(b"line 2")] ^= 1
    found = content(bytes(data))
    assert (found.payloads, found.damaged) == ([b"line 0", b"line 1", b"line 3", b"line 4"], 1)
    segment.close(delete=True)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"no journal at all\n" * 9, os.urandom(5000), b"\xff" * 64]
)
def test_what_is_no_journal_holds_nothing(data: bytes) -> None:
    assert content(data).payloads == []


def test_a_live_segment_is_not_taken_and_a_dead_one_once(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "one", HALF)
    segment.append(b"line")
    assert Orphan.take(segment.path) is None
    segment.close(delete=False)
    first = Orphan.take(segment.path)
    assert first is not None
    assert Orphan.take(segment.path) is None
    assert first.read().payloads == [b"line"]
    first.close(delete=True)
    assert Orphan.take(segment.path) is None


def test_no_room_for_a_segment_is_known_before_it_is_used(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        with pytest.raises(OSError, match="large"):
            Segment.create(tmp_path, "one", HALF)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_as_long_as_it_says(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, "one", HALF)
    for payload in (COMPLETE, b"x", b"y" * 1000):
        room = segment.room
        segment.append(payload)
        assert room - segment.room == size(payload)
    segment.close(delete=True)
