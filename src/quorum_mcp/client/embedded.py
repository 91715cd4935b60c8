"""Quorum in this process, on the same database as every other process of this machine."""

from collections.abc import AsyncGenerator
from typing import TypeVar

from pydantic import BaseModel

from quorum_mcp.access.principal import LOCAL
from quorum_mcp.events import Event
from quorum_mcp.operations.card import Operation
from quorum_mcp.operations.context import Context, Services
from quorum_mcp.operations.invoke import invoke, request_id
from quorum_mcp.runs.service import Runs
from quorum_mcp.runs.supervisor import Supervisor

I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output


class Embedded:
    """Invokes operations on the services of this process, as the user of this machine."""

    def __init__(self, services: Services, surface: str) -> None:
        self._services = services
        self._surface = surface

    async def invoke(self, operation: Operation[I, O], given: I) -> O:
        """The operation's output."""
        context = Context(LOCAL, self._services, surface=self._surface, request_id=request_id())
        return await invoke(operation, given, context)

    async def follow(self, session_id: str, after: int) -> AsyncGenerator[Event, None]:
        """The session's events; one that a dead process left open is taken over, since somebody waits for it."""
        runs = self._services.get(Runs)
        if session_id not in runs.running:
            run = await runs.get(session_id, LOCAL.tenant)
            if run.status in ("queued", "running"):
                self._services.get(Supervisor).take_over()
        async for event in runs.follow(session_id, LOCAL.tenant, after):
            yield event
