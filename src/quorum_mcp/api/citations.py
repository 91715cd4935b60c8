"""The pages that an answer rests on, as each vendor's clients read them."""

from typing import Any

from quorum_mcp.answers import Answer, Citation

Json = dict[str, Any]


def annotation(citation: Citation) -> Json:
    """The fields of OpenAI's `url_citation`; one without a place stands at the text's beginning."""
    return {
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


def chat_annotations(answer: Answer) -> list[Json]:
    """The `annotations` of a chat completion's message."""
    return [{"type": "url_citation", "url_citation": annotation(one)} for one in answer.citations]


def text_annotations(citations: tuple[Citation, ...]) -> list[Json]:
    """The `annotations` of a response's text."""
    return [{"type": "url_citation"} | annotation(one) for one in citations]


def locations(citations: tuple[Citation, ...]) -> list[Json]:
    """The `citations` of an Anthropic text block. Its mark for another turn is the provider's own, and not kept."""
    return [
        {
            "type": "web_search_result_location",
            "url": one.url,
            "title": one.title or None,
            "cited_text": one.quote,
            "encrypted_index": "",
        }
        for one in citations
    ]


def grounding(answer: Answer) -> Json:
    """Gemini's `groundingMetadata`: pages once, and the stretches of text that rest on them, in bytes."""
    pages = {one.url: one for one in answer.citations}
    numbers = {url: number for number, url in enumerate(pages)}
    text, supports = answer.text, list[Json]()
    for one in answer.citations:
        if one.start is None or one.end is None:
            continue
        segment = {
            "startIndex": len(text[: one.start].encode()),
            "endIndex": len(text[: one.end].encode()),
            "text": text[one.start : one.end],
        }
        supports.append({"segment": segment, "groundingChunkIndices": [numbers[one.url]]})
    chunks = [{"web": {"uri": one.url, "title": one.title}} for one in pages.values()]
    return {"groundingChunks": chunks, "groundingSupports": supports}


def within(citations: tuple[Citation, ...], start: int, end: int, *, last: bool) -> tuple[Citation, ...]:
    """The citations of a stretch of the answer's text, placed in it; the `last` one has those without a place."""
    found: list[Citation] = []
    for one in citations:
        if one.start is None or one.end is None:
            if last:
                found.append(one)
        elif start <= one.start < end or (last and one.start >= end):
            placed = (one.start - start, min(one.end, end) - start)
            found.append(Citation(one.url, one.title, one.quote, *placed))
    return tuple(found)
