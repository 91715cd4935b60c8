"""What a scripted model says: to which kind of prompt, how fast, and in which way it fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from quorum_mcp.consensus import prompts

Kind = Literal["seat", "critique", "attack", "defence", "grouping", "placing", "equivalence", "synthesis"]
Failure = Literal[
    "error", "limit", "hang", "empty", "garbage", "cut", "malformed", "auth", "context", "filter"
]
FAILURES: tuple[Failure, ...] = ("error", "limit", "hang", "empty", "garbage")
"""The five ways in which any part of a deliberation may fail."""

_OPENINGS: dict[str, Kind] = {
    text.partition("\n")[0]: kind
    for kind, text in {
        "critique": prompts.critique("?", [], "A"),
        "attack": prompts.attack("?", "x"),
        "defence": prompts.defence("?", "x", ["o"]),
        "grouping": prompts.grouping("?", []),
        "placing": prompts.placing("?", [], "x"),
        "equivalence": prompts.equivalence("?", "a", "b"),
        "synthesis": prompts.synthesis("?", [], None, []),
    }.items()
}


@dataclass
class Asked:
    """One request that reached the upstream, and how it ended."""

    model: str
    kind: Kind
    messages: list[dict[str, Any]]
    body: dict[str, Any]
    headers: dict[str, str]
    at: float
    """Seconds on the upstream's own clock, which began with it."""
    ended: float | None = None
    outcome: Literal["open", "finished", "failed", "dropped"] = "open"
    input_tokens: int = 0
    output_tokens: int = 0
    """What the upstream would bill: the tokens it read and wrote, finished or not."""
    said: str = ""
    path: str = ""
    query: str = ""

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return text_of(self.messages[-1])

    @property
    def everything(self) -> str:
        """The text of all messages."""
        return "\n".join(text_of(message) for message in self.messages)


@dataclass(frozen=True)
class Say:
    """One answer, or one failure.

    Attributes:
        latency: seconds before the first byte; `drip` seconds between pieces of `piece` characters.
        hold: the name of a gate that the answer waits for, before its first byte.
        hold_after: as `hold`, but after half the answer was sent.
        usage: whether the answer reports its usage.
        capped: whether the request's own cap on tokens is obeyed.
        headers: of the answer, besides the usual ones.
        refusal: the words of a failure, instead of the usual ones.
        tools: calls of tools besides the text: names and arguments.
        status: the status of an `error`.
        pages: what the answer cites, where the request lets the model search.
    """

    text: str = ""
    fail: Failure | None = None
    latency: float = 0.0
    drip: float = 0.0
    piece: int = 40
    hold: str | None = None
    hold_after: str | None = None
    retry_after: float = 30.0
    usage: bool = True
    capped: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    status: int = 500
    pages: tuple[str, ...] = ()


Answer = str | Say | Callable[[Asked], "str | Say"]
Scripted = Answer | Sequence[str | Say]
"""A list is said in turn, its last entry for ever."""


@dataclass
class Model:
    """The script of one model, by the kind of prompt."""

    name: str
    answers: dict[Kind, Scripted] = field(default_factory=dict)
    turns: dict[Kind, int] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Say:
        """What it says now."""
        scripted = self.answers.get(asked.kind, "")
        if callable(scripted):
            scripted = scripted(asked)
        elif not isinstance(scripted, str | Say):
            turn = self.turns.get(asked.kind, 0)
            self.turns[asked.kind] = turn + 1
            scripted = scripted[min(turn, len(scripted) - 1)]
        return Say(scripted) if isinstance(scripted, str) else scripted


def kind_of(messages: list[dict[str, Any]]) -> Kind:
    """Which part of a deliberation a request belongs to, by the fixed words that its prompt begins with."""
    return _OPENINGS.get(text_of(messages[-1]).partition("\n")[0], "seat")


def text_of(message: dict[str, Any]) -> str:
    """The text of a message in OpenAI's shape."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content)
