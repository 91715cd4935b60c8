"""What a provider is to the rest of Quorum, whatever wire it speaks or whether it has one at all."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from quorum_mcp.answers import Answer, Delta, ModelInfo, Passed
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.tasks import TaskName

if TYPE_CHECKING:
    from quorum_mcp.providers.flow import Flow

Kind = Literal["remote", "local", "builtin", "sim"]
Searching = Literal["none", "bounded", "unbounded"]


class Timeouts(Struct, frozen=True):
    """Seconds: to connect, to the first byte of the body, between two reads, and for the whole call."""

    connect: float = 10.0
    first_byte: float = 60.0
    idle: float = 30.0
    total: float = 300.0


class Provider(Protocol):
    """A named source of models.

    Every method raises only errors of the `ProviderError` and `Unsupported` kinds, with `provider` and `model`
    set. `stream` yields deltas and, last, the finished `Answer`; an answer that does not end properly
    raises. Closing the generator early, or cancelling the task, drops the connection at once.
    """

    name: str
    kind: Kind
    tasks: frozenset[TaskName]
    """What it can be asked for besides a chat."""
    documents: bool
    """Whether its models can be sent PDF documents."""
    search: Searching
    """Whether its models can search the web, and whether how often can be bounded."""

    def takes(self, native: Native) -> bool:
        """Whether a request may come in its caller's own words: then so does what is answered."""
        ...

    async def complete(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        """One whole answer."""
        ...

    def stream(
        self, request: ModelRequest, timeouts: Timeouts
    ) -> "AsyncGenerator[Delta | Passed | Flow | Answer, None]":
        """The answer as it comes; the last item is the whole `Answer`.

        After the first `Passed` there may be a `Flow`: what is not poured out of it comes as `Passed`, too.
        """
        ...

    async def perform(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        """The whole answer to a request that has a task. Raises `Unsupported` for a task that it does not have."""
        ...

    async def models(self, timeouts: Timeouts) -> tuple[ModelInfo, ...]:
        """The models the provider lists now."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
