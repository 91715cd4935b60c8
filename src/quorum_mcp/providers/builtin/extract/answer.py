"""The answer of the extractor: quotes and their sources, or an abstention."""

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.extract.passages import Passage, passages
from quorum_mcp.providers.builtin.extract.rank import Ranked, rank
from quorum_mcp.providers.builtin.prompt import Prompt

MIN_COVERAGE = 0.5
"""The least share of the question's words, weighted by rarity, that a quoted passage must hold."""
_NEAR_BEST = 0.7
_MAX_QUOTES = 3
_MAX_QUOTE_CHARACTERS = 1_500
_SHORT = 4
"""Words that a quote may have to be a conclusion too: a sentence is no short answer to compare with others."""


def answer(prompt: Prompt) -> str:
    """Quotes that answer the question, each with its document and line.

    Raises:
        Abstain: when no document was given, or none holds a passage that is near enough to the question.
    """
    if not prompt.documents:
        raise Abstain("no document or context was given, and I answer only in quotes from one")
    if not prompt.question:
        raise Abstain("there is no question beside the documents")
    pool = [passage for document in prompt.documents for passage in passages(document)]
    found = [item for item in rank(prompt.question, pool) if len(item.passage.text) <= _MAX_QUOTE_CHARACTERS]
    fitting = [item for item in found if item.coverage >= MIN_COVERAGE]
    if not fitting:
        raise Abstain(_why_not(prompt, found))
    quoted = _best(fitting)
    lines = [_quote(passage) for passage in quoted]
    if len(quoted) == 1 and len(quoted[0].text.split()) <= _SHORT:
        lines.append(f"CONCLUSION: {' '.join(quoted[0].text.split())}")
    return "\n".join(lines)


def _best(fitting: list[Ranked]) -> list[Passage]:
    floor = fitting[0].score * _NEAR_BEST
    near = [item.passage for item in fitting if item.score >= floor]
    different = {passage.text: passage for passage in reversed(near)}
    return [passage for passage in near if different[passage.text] is passage][:_MAX_QUOTES]


def _quote(passage: Passage) -> str:
    return f"{passage.document}, line {passage.line}: “{passage.text}”"


def _why_not(prompt: Prompt, found: list[Ranked]) -> str:
    names = ", ".join(dict.fromkeys(document.name for document in prompt.documents))
    if not found:
        return f"no word of the question occurs in {names}"
    share = round(100 * max(item.coverage for item in found))
    return f"no passage of {names} is near enough to the question (the nearest covers {share} % of it)"
