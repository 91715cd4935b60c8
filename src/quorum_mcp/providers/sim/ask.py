"""One request to a simulated model, whichever API it came through, and what it answers."""

import math
from typing import Any, Literal

from msgspec import Struct

from quorum_mcp.messages import Message
from quorum_mcp.providers.sim.models import Model

LABEL = "Simulated answer"
"""What every scripted text begins with."""
_CHARACTERS_PER_TOKEN = 4


class Ask(Struct, frozen=True):
    """A request: `json` is the schema that the answer must fit ({}: any object), None for text."""

    model: Model
    messages: tuple[Message, ...]
    stream: bool
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    json: dict[str, Any] | None = None
    seed: str = ""
    include_usage: bool = False

    @property
    def question(self) -> str:
        """The text of the last user message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def everything(self) -> str:
        """All the texts that came."""
        return "\n".join(message.text for message in self.messages)


class Reply(Struct, frozen=True):
    """An answer ready to be sent in any API's shape. `created` is in seconds since 1970."""

    id: str
    model: str
    text: str
    stop: Literal["stop", "length"]
    input_tokens: int
    output_tokens: int
    created: int


def count_tokens(text: str) -> int:
    """Tokens of a text: one for four characters, rounded up."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def cut_to(text: str, tokens: int) -> str:
    """The first tokens of a text."""
    return text[: tokens * _CHARACTERS_PER_TOKEN]
