"""Who carries out the operations behind the tools: this process, or a running server."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from quorum_mcp.access.principal import Principal
from quorum_mcp.api.mcp.consent import Consent, require_consent
from quorum_mcp.events import Event
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.context import Context, Services
from quorum_mcp.operations.invoke import invoke

Tell = Callable[[Event | str], Awaitable[None]]
"""Takes what happens meanwhile: an event, or where there is none, words."""


class Backend(Protocol):
    """Carries out one operation for one caller."""

    async def __call__(
        self,
        operation: AnyOperation,
        arguments: Mapping[str, Any],
        tell: Tell | None,
        consent: Consent | None = None,
        *,
        detached: bool = False,
    ) -> dict[str, Any]:
        """The operation's output as plain JSON values; `tell` takes what happens meanwhile.

        `detached` asks not to wait for what goes on as a session; who cannot do that waits.

        Raises:
            Unconfirmed: it may cost so much that a person has to agree, and `consent` does not cover it.
            QuorumError: whatever the operation fails with, invalid arguments too.
        """
        ...


def local(services: Services, principal: Principal, request_id: str, *, surface: str = "mcp") -> Backend:
    """The operations of this process, on behalf of `principal`; records name the surface."""

    async def carry_out(
        operation: AnyOperation,
        arguments: Mapping[str, Any],
        tell: Tell | None,
        consent: Consent | None = None,
        *,
        detached: bool = False,
    ) -> dict[str, Any]:
        context = Context(
            principal, services, surface=surface, request_id=request_id, progress=tell, detached=detached
        )
        await require_consent(operation, arguments, context, consent)
        answer = await invoke(operation, arguments, context)
        return answer.model_dump(mode="json")

    return carry_out
