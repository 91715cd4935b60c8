"""Documents cut into passages that can be quoted: sentences, list items, table rows."""

import re
from collections.abc import Iterator

from msgspec import Struct

from quorum_mcp.providers.builtin.prompt import Document

_BLOCK = re.compile(r"(?:[^\n]+(?:\n|\Z))+")
_NEW_ITEM = re.compile(r"\s*(?:[-*+•]\s|\d+[.)]\s|\||#{1,6}\s|>|```)")
_HEADING = re.compile(r"\s*#{1,6}\s+(?P<title>[^\n]+)\s*")
_ROW = re.compile(r"\s*\|")
_RULE = re.compile(r"[\s|:-]*-[\s|:-]*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*(?=\s+[\"'“(\[]?[A-Z0-9])")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|etc|Inc|Ltd|e\.g|i\.e|cf|approx|[A-Z]))\.$")
_MARKER = re.compile(r"\s*(?:[-*+•]\s+|\d+[.)]\s+|>\s*)?")


class Passage(Struct, frozen=True):
    """A verbatim piece of a document: `text` is `document.text[start:end]`; `line` counts from 1."""

    document: str
    text: str
    line: int
    heading: str = ""


def passages(document: Document) -> Iterator[Passage]:
    """The passages of a document, in order; headings (of tables too) are not passages but go with those below them."""
    heading = columns = ""
    pieces = list(_pieces(document.text))
    for at, (start, end) in enumerate(pieces):
        piece = document.text[start:end]
        if match := _HEADING.fullmatch(piece):
            heading, columns = match["title"], ""
            continue
        if not _ROW.match(piece):
            columns = ""
        elif at + 1 < len(pieces) and _RULE.fullmatch(document.text[slice(*pieces[at + 1])]):
            columns = piece  # the head of a table goes with its rows
            continue
        for first, last in _sentences(piece):
            text = piece[first:last]
            if any(c.isalnum() for c in text):
                line = document.text.count("\n", 0, start + first) + 1
                yield Passage(document.name, text, line, f"{heading} {columns}".strip())


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs and items: runs of lines, cut before every line that begins an item."""
    for block in _BLOCK.finditer(text):
        start = at = block.start()
        for line in block.group().splitlines(keepends=True):
            if at > start and (_NEW_ITEM.match(line) or _HEADING.match(text[start:at])):
                yield start, at
                start = at
            at += len(line)
        yield start, at


def _sentences(piece: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a piece begin and end, without list markers and outer white space."""
    marker = _MARKER.match(piece)
    start = marker.end() if marker else 0
    for match in _SENTENCE_END.finditer(piece):
        if not _ABBREVIATION.search(piece[start : match.end()]):
            yield _trimmed(piece, start, match.end())
            start = match.end()
    yield _trimmed(piece, start, len(piece))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
