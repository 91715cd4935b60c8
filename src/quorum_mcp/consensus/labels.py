"""Anonymous labels for seats' answers, and the check that a quote is really theirs."""

import random
import re
from collections.abc import Sequence

from quorum_mcp.consensus.reply import Reply

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def labelled(replies: Sequence[Reply]) -> dict[str, Reply]:
    """Labels A, B, … (AA, AB, … past Z) for replies, in their order."""
    return {_label(index): reply for index, reply in enumerate(replies)}


def shuffled(replies: Sequence[Reply], seed: str, *, own: str | None = None) -> list[Reply]:
    """The replies in an order of this seed, the one of member `own` never first."""
    order = list(replies)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order that can be repeated, not a secret
    if own is not None and len(order) > 1 and order[0].member == own:
        order[0], order[1] = order[1], order[0]
    return order


def verbatim(quote: str, text: str) -> str | None:
    """The part of `text` that `quote` copies, or None when it is no part of it.

    Only white space may differ; what is returned is cut from `text` itself.
    """
    quote = quote.strip().strip("\"“”'")
    if len(quote) < 2:
        return None
    if quote in text:
        return quote
    words = quote.split()
    if not words or len(words) > 200:
        return None
    found = re.search(r"\s+".join(re.escape(word) for word in words), text)
    return found.group() if found else None


def _label(index: int) -> str:
    return LETTERS[index] if index < 26 else LETTERS[index // 26 - 1] + LETTERS[index % 26]
