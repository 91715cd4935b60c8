"""Pieces of an answer into the `Answer`: the same code for an answer that comes whole and one that streams."""

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import structs

from quorum_mcp.answers import (
    Answer,
    Citation,
    Delta,
    Logprob,
    ReasoningDelta,
    StopReason,
    TextDelta,
    ToolUseDelta,
    Usage,
)
from quorum_mcp.codec import JSONError, decode, encode_text
from quorum_mcp.errors import BadProviderAnswer, ContentFiltered, Unsupported
from quorum_mcp.ids import new_id
from quorum_mcp.messages import Part, Reasoning, Text, ToolUse

NO_USAGE = Usage(reported=False)
_HALF = re.compile("[\ud800-\udfff]")
_ORDER = {"reasoning": 0, "text": 1, "tool": 2}


class _Block:
    """One part in the making."""

    __slots__ = ("half", "id", "index", "key", "kind", "name", "opaque", "pieces", "signature")

    def __init__(self, kind: Literal["text", "reasoning", "tool"], key: object) -> None:
        self.kind, self.key = kind, key
        self.pieces: list[str] = []
        self.half = ""
        self.index = 0
        self.id: str | None = None
        self.name: str | None = None
        self.signature: str | None = None
        self.opaque: str | None = None

    def add(self, text: str) -> str:
        """Take more text; what of it can be passed on.

        Servers that count in UTF-16 cut characters such as emoji into two escaped halves and send one
        in each piece: the first is held back until the second comes. A half whose other never comes is no
        character, and is left out.
        """
        text, self.half = self.half + text, ""
        if _HALF.search(text):
            if "\ud800" <= text[-1] <= "\udbff":
                text, self.half = text[:-1], text[-1]
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if text:
            self.pieces.append(text)
        return text

    def part(self) -> Part | None:
        """The finished part, or None where nothing came."""
        joined = "".join(self.pieces)
        if self.kind == "text":
            return Text(joined) if joined else None
        if self.kind == "reasoning":
            return (
                Reasoning(joined, self.signature, self.opaque)
                if joined or self.signature or self.opaque
                else None
            )
        if not self.name:
            raise BadProviderAnswer("the answer holds a tool call without a name")
        return ToolUse(self.id or new_id("call"), self.name, _arguments(joined))


def _arguments(text: str) -> str:
    """Arguments in one spelling, so that spaces between tokens don't tell a stream from a whole answer."""
    if not text.strip():
        return "{}"
    try:
        return encode_text(decode(text))
    except JSONError:
        return text  # what the model wrote; whoever runs the tool reports it


class Assembler:
    """Collects the pieces of one answer.

    Args:
        grouped: the vendor's whole answers keep no order between reasoning, text and tool calls, so
            parts are put in that order and each kind of text is one part.
    """

    def __init__(self, *, grouped: bool = False) -> None:
        self._citations: list[tuple[object, Citation]] = []
        self._grouped = grouped
        self._blocks: list[_Block] = []
        self._tools: dict[object, _Block] = {}
        self._logprobs: list[Logprob] = []
        self._untold = 0
        self.stop: StopReason | None = None
        self.usage = NO_USAGE
        self.model = ""
        self.id: str | None = None

    def text(self, text: str, key: object = None) -> list[Delta]:
        """More text; `key` tells the vendor's blocks apart."""
        if not text:
            return []
        text = self._block("text", key).add(text)
        if not text:
            return []
        told, self._untold = self._logprobs[self._untold :], len(self._logprobs)
        return [TextDelta(text, tuple(told))]

    def likely(self, tokens: Iterable[Logprob]) -> None:
        """How likely the tokens of the text were that comes next."""
        self._logprobs += tokens

    def reasoning(
        self, text: str, *, signature: str | None = None, opaque: str | None = None, key: object = None
    ) -> list[Delta]:
        """More reasoning, or the vendor's seal on it."""
        if not (text or signature or opaque):
            return []
        block = self._block("reasoning", key)
        if signature:
            block.signature = (block.signature or "") + signature
        if opaque:
            block.opaque = (block.opaque or "") + opaque
        text = block.add(text)
        return [ReasoningDelta(text)] if text else []

    def tool(
        self,
        key: object,
        *,
        id: str | None = None,  # noqa: A002 - the field's word
        name: str | None = None,
        arguments: str = "",
    ) -> list[Delta]:
        """More of the tool call that the vendor calls `key`."""
        block = self._tools.get(key)
        if block is None:
            block = _Block("tool", key)
            block.index = len(self._tools)
            self._tools[key] = block
            self._blocks.append(block)
        new_id = id if id and not block.id else None
        new_name = name if name and not block.name else None
        block.id, block.name = block.id or id, block.name or name
        arguments = block.add(arguments)
        return (
            [ToolUseDelta(block.index, new_id, new_name, arguments)]
            if new_id or new_name or arguments
            else []
        )

    def cite(self, citation: Citation, key: object = None) -> None:
        """A page that the answer rests on; with a `key`, the vendor's block of text that does.

        What is no address of a page is left out: pages of ours make links of them.
        """
        if citation.url.startswith(("https://", "http://")):
            self._citations.append((key, citation))

    @property
    def length(self) -> int:
        """Characters of text so far."""
        return sum(len(piece) for block in self._blocks if block.kind == "text" for piece in block.pieces)

    @property
    def tools(self) -> int:
        """How many tool calls there are so far."""
        return len(self._tools)

    def finish(self) -> Answer:
        """The answer.

        Raises:
            BadProviderAnswer: it never ended, or is empty.
            ContentFiltered: the provider withheld all of it.
        """
        details = {"usage": self._usage_details()} if self.usage.reported else None
        if self.stop is None:
            raise BadProviderAnswer("the answer was cut before its end", details=details)
        blocks = sorted(self._blocks, key=lambda block: _ORDER[block.kind]) if self._grouped else self._blocks
        parts = tuple(part for block in blocks if (part := block.part()) is not None)
        stop = "tool_use" if self._tools and self.stop in ("stop", "other") else self.stop
        if not parts and stop == "content_filter":
            raise ContentFiltered("the provider withheld the answer", details=details)
        if not parts and stop != "length":
            raise BadProviderAnswer("the answer is empty", details=details)
        return Answer(
            parts,
            stop,
            self.usage,
            self.model,
            self.id,
            citations=self._cited(),
            logprobs=tuple(self._logprobs),
        )

    def _block(self, kind: Literal["text", "reasoning"], key: object) -> _Block:
        if self._grouped:
            found = next((block for block in self._blocks if block.kind == kind), None)
        else:
            last = self._blocks[-1] if self._blocks else None
            found = last if last is not None and last.kind == kind and last.key == key else None
        if found is None:
            found = _Block(kind, key)
            self._blocks.append(found)
        return found

    def _cited(self) -> tuple[Citation, ...]:
        """The citations, each once, with the places of the blocks that they belong to."""
        places: dict[object, tuple[int, int]] = {}
        at = 0
        for block in self._blocks if self._citations else ():
            if block.kind == "text":
                size = sum(map(len, block.pieces))
                places[block.key] = (at, at + size)
                at += size
        found: dict[Citation, None] = {}
        for key, citation in self._citations:
            if key is not None and key in places:
                citation = structs.replace(citation, start=places[key][0], end=places[key][1])
            found[citation] = None
        return tuple(found)

    def _usage_details(self) -> dict[str, int]:
        # What a failed call cost, for whoever settles it.
        return {"input": self.usage.input, "output": self.usage.output, "searches": self.usage.searches}


def unknown_content(kind: object) -> Unsupported:
    """The error for content of an answer that has no form among our parts."""
    return Unsupported(f"the model answered with content of type {kind!r}, which cannot be passed on")
