"""What Gemini tells of the pages that an answer rests on."""

from msgspec import Struct, field, structs

from quorum_mcp.answers import Answer, Citation


class _Page(Struct):
    uri: str = ""
    title: str = ""


class _Chunk(Struct):
    web: _Page | None = None


class _Segment(Struct, rename="camel"):
    """A stretch of the answer's text, in bytes of UTF-8."""

    start_index: int = 0
    end_index: int = 0


class _Support(Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] = field(default_factory=list)


class Grounding(Struct, rename="camel"):
    """`groundingMetadata` of a candidate."""

    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None
    web_search_queries: list[str] | None = None


class Grounded:
    """Collects it: a stream may tell it in pieces, whose numbers count through.

    Args:
        once: whether all searches for one answer are billed as one.
    """

    def __init__(self, *, once: bool) -> None:
        self._once = once
        self._pages: list[_Page] = []
        self._supports: list[_Support] = []
        self._queries: list[str] = []

    def add(self, found: Grounding) -> None:
        """One more piece."""
        self._pages += [chunk.web or _Page() for chunk in found.grounding_chunks or ()]
        self._supports += found.grounding_supports or ()
        self._queries += found.web_search_queries or ()

    def told(self, answer: Answer) -> Answer:
        """The answer with its citations and the number of its searches."""
        if not (self._pages or self._queries):
            return answer
        searches = min(len(self._queries), 1) if self._once else len(self._queries)
        usage = structs.replace(answer.usage, searches=searches)
        return structs.replace(answer, usage=usage, citations=tuple(dict.fromkeys(self._citations(answer))))

    def _citations(self, answer: Answer) -> list[Citation]:
        text = answer.text.encode()
        cited = [
            (index, support.segment)
            for support in self._supports
            for index in support.grounding_chunk_indices
            if 0 <= index < len(self._pages)
        ]
        named = {index for index, _ in cited}
        # A page that no stretch of the text names was looked at all the same.
        cited += [(index, None) for index in range(len(self._pages)) if index not in named]
        return [
            _citation(self._pages[index], segment, text)
            for index, segment in cited
            if self._pages[index].uri.startswith(("https://", "http://"))
        ]


def _citation(page: _Page, segment: _Segment | None, text: bytes) -> Citation:
    if segment is None:
        return Citation(page.uri, page.title)
    start = len(text[: segment.start_index].decode(errors="ignore"))
    end = len(text[: segment.end_index].decode(errors="ignore"))
    return Citation(page.uri, page.title, start=start, end=end)
