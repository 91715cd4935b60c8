"""Streams cut anywhere become the same events."""

from hypothesis import given
from hypothesis import strategies as st

from quorum_mcp.providers.sse import NDJSON, SSE, Event, Lines

STREAM = (
    "\ufeffdata: Grüße 🌍\n\n"
    ": a comment\r\n"
    "event: delta\r\ndata: one\r\ndata: two\r\n\r\n"
    "data:no space\rid: 7\rretry: 10\r\r"
    "data\n\n"
    "event: no data\n\n"
    "data: after it\n\n"
    "data: 世界"
).encode()
EVENTS = [
    Event("", "Grüße 🌍".encode()),
    Event("delta", b"one\ntwo"),
    Event("", b"no space"),
    Event("", b""),
    Event("", b"after it"),
    Event("", "世界".encode()),
]


def events(pieces: list[bytes]) -> list[Event]:
    decoder = SSE()
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return found + decoder.close()


def test_split_in_two_at_every_byte() -> None:
    for cut in range(len(STREAM) + 1):
        assert events([STREAM[:cut], STREAM[cut:]]) == EVENTS, cut


def test_byte_by_byte() -> None:
    assert events([STREAM[i : i + 1] for i in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_split_anywhere(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert events([STREAM[a:b] for a, b in zip(edges, edges[1:], strict=False)]) == EVENTS


@given(
    st.lists(st.text().filter(lambda t: not set(t) & {"\r", "\n"}), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_lines(lines: list[str], end: str) -> None:
    data = "".join(line + end for line in lines).encode()
    decoder = Lines()
    found = [line for i in range(len(data)) for line in decoder.feed(data[i : i + 1])]
    assert [line.decode() for line in found] == lines
    assert decoder.rest() == b""


def test_long_lines_are_not_copied_again_and_again() -> None:
    decoder = NDJSON()
    piece = b"x" * 65536
    for _ in range(1000):
        assert decoder.feed(piece) == []
    (event,) = decoder.feed(b"\n\n")
    assert len(event.data) == 65_536_000
    assert decoder.close() == []
