"""The frozen plan of one deliberation: everything a resumed run must find unchanged."""

from typing import Literal

from msgspec import Struct

from quorum_mcp.consensus.decision import Guard
from quorum_mcp.messages import Message

Mode = Literal["quick_consensus", "full_deliberation", "devils_advocate"]
MODES: tuple[Mode, ...] = ("quick_consensus", "full_deliberation", "devils_advocate")
AnswerFormat = Literal["auto", "choice", "number", "text"]
Strategy = Literal["solo", "external_enhancement", "progressive_deep_dive", "context"]
"""Ways that are no vote: one model; a draft that others improve; stages that go deeper; words that are kept."""

PROMPT_VERSION = 1
DEFAULT_TIMEOUT: dict[Mode, float] = {
    "quick_consensus": 100.0,
    "full_deliberation": 300.0,
    "devils_advocate": 300.0,
}


class Seat(Struct, frozen=True):
    """One place at the table. `member` is its name in answers, unique even when a model sits twice.

    `max_tokens` and `temperature` are an alias's own, for where the query sets none.
    """

    index: int
    member: str
    model: str
    provider: str
    simulated: bool = False
    builtin: bool = False
    max_tokens: int | None = None
    temperature: float | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """How one turn of a session is deliberated.

    Attributes:
        seats: strongest first; the order decides waves, ties and who leads.
        judges: the chain of models that group positions; empty when nobody may.
        writers: the chain of models that write prose; empty for the winner's own text.
        always_write: prose is wanted even where short conclusions decided.
        settle: a judge model was configured to settle pairs that cannot be told apart.
        max_cost: nanodollars for the whole turn; `strict_cost` where somebody asked for that bound.
        timeout: seconds for the whole turn.
        searches: how often each seat's answer may search the web; 0: not at all.
        strategy: carried out instead of the mode, where there is one; `stages` bounds how deep it goes.
    """

    mode: Mode
    seats: tuple[Seat, ...]
    question: str
    conversation: tuple[Message, ...]
    judges: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    always_write: bool = False
    settle: bool = False
    guard: Guard
    critique_rounds: int = 1
    exhaustive: bool = False
    answer_format: AnswerFormat = "auto"
    max_tokens: int | None = None
    temperature: float | None = None
    max_cost: int | None = None
    strict_cost: bool = True
    timeout: float
    seed: int
    prompt_version: int = PROMPT_VERSION
    require_consensus: bool = False
    warnings: tuple[str, ...] = ()
    simulated_models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    strategy: Strategy | None = None
    stages: int = 3
    searches: int = 0

    @property
    def simulated(self) -> bool:
        """Whether any seat is a simulation."""
        return any(seat.simulated for seat in self.seats)
