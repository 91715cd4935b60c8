"""What a client needs from the other side, whether that is a server or this process."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

from pydantic import BaseModel

from quorum_mcp.events import Event
from quorum_mcp.operations.card import Operation

I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output


class Backend(Protocol):
    """Carries out operations and tells what happens in runs."""

    async def invoke(self, operation: Operation[I, O], given: I) -> O:
        """The operation's output. Raises the errors of the error table."""
        ...

    def follow(self, session_id: str, after: int) -> AsyncGenerator[Event, None]:
        """The session's events numbered above `after`, until its turn ends."""
        ...
