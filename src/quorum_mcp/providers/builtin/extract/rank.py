"""BM25 over passages, and how much of the question each passage covers.

Score: Robertson and Zaragoza, “The Probabilistic Relevance Framework: BM25 and Beyond” (2009), with the usual
k1 = 1.2 and b = 0.75; the words of the heading above a passage count half.
"""

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from quorum_mcp.providers.builtin.extract.passages import Passage
from quorum_mcp.providers.builtin.extract.terms import terms

_K1 = 1.2
_B = 0.75
_HEADING_WEIGHT = 0.5


class Ranked(Struct, frozen=True):
    """A passage with its BM25 score and the share (0..1) of the question's weight that it covers."""

    passage: Passage
    score: float
    coverage: float


def rank(question: str, passages: Sequence[Passage]) -> list[Ranked]:
    """The passages that hold a word of the question, best first; ties keep the order of the documents."""
    wanted = list(dict.fromkeys(terms(question)))
    if not wanted or not passages:
        return []
    bags = [Counter(terms(passage.text)) for passage in passages]
    headings = [Counter(terms(passage.heading)) for passage in passages]
    lengths = [sum(bag.values()) for bag in bags]
    mean = sum(lengths) / len(lengths) or 1.0
    idf = {
        term: _idf(sum(1 for b, h in zip(bags, headings, strict=True) if b[term] or h[term]), len(bags))
        for term in wanted
    }
    total = sum(idf.values())
    ranked: list[Ranked] = []
    for passage, bag, heading, length in zip(passages, bags, headings, lengths, strict=True):
        weights = {term: bag[term] + _HEADING_WEIGHT * heading[term] for term in wanted}
        norm = _K1 * (1 - _B + _B * length / mean)
        score = sum(
            idf[term] * weight * (_K1 + 1) / (weight + norm) for term, weight in weights.items() if weight
        )
        if score > 0:
            covered = sum(idf[term] for term, weight in weights.items() if weight)
            ranked.append(Ranked(passage, score, covered / total))
    return sorted(ranked, key=lambda item: -item.score)


def _idf(holding: int, count: int) -> float:
    return math.log(1 + (count - holding + 0.5) / (holding + 0.5))
