"""How many tokens a text has: exact for OpenAI's models, a measured factor for the others."""

import warnings
from collections.abc import Callable
from functools import lru_cache

from quorum_mcp.messages import Image, Message, Reasoning, Text, ToolResult, ToolUse

PER_MESSAGE = 4
PER_IMAGE = 1_600
BOUND_FACTOR = 1.5
"""How many more tokens than OpenAI's tokenizer any common one makes of the same text, at the most."""


@lru_cache(maxsize=1)
def _encoder() -> Callable[[str], list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it opens its own files in an older way
        import bpe_openai  # a tenth of a second to load: only when something is counted

        return bpe_openai.get_encoding("o200k_base").encode_ordinary


def count(text: str) -> int:
    """Tokens of `text` in OpenAI's o200k vocabulary."""
    return len(_encoder()(text)) if text else 0


def count_messages(messages: tuple[Message, ...]) -> int:
    """Tokens of a conversation: its texts, a few for each message's frame, a fixed number an image."""
    return sum(PER_MESSAGE + sum(_part(part) for part in message.parts) for message in messages)


def bound(messages: tuple[Message, ...]) -> int:
    """A number of tokens that the conversation does not exceed with any common tokenizer."""
    return int(count_messages(messages) * BOUND_FACTOR) + 16


def _part(part: object) -> int:
    match part:
        case Text(text) | Reasoning(text):
            return count(text)
        case ToolUse(_, name, arguments):
            return count(name) + count(arguments)
        case ToolResult(_, parts):
            return sum(_part(inner) for inner in parts)
        case Image():
            return PER_IMAGE
        case _:
            return 0
