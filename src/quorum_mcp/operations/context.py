"""What an operation's code gets besides its input: the caller, and the services it may use."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from quorum_mcp.access.principal import Principal
from quorum_mcp.events import Event

T = TypeVar("T")
Progress = Callable[[Event], Awaitable[None]]


class Services:
    """The parts that app.py wired, by their type."""

    def __init__(self) -> None:
        self._parts: dict[type, object] = {}

    def add(self, *parts: object) -> None:
        """Offer each part under its own type."""
        self._parts.update((type(part), part) for part in parts)

    def get(self, kind: type[T]) -> T:
        """The part of this type."""
        part: Any = self._parts[kind]
        return part

    def find(self, kind: type[T]) -> T | None:
        """The part of this type, where the settings have one."""
        part: Any = self._parts.get(kind)
        return part


class Context:
    """One invocation: on whose behalf, by which surface, under which request id."""

    def __init__(
        self,
        principal: Principal,
        services: Services,
        *,
        surface: str,
        request_id: str,
        progress: Progress | None = None,
        detached: bool = False,
    ) -> None:
        self.principal = principal
        self.services = services
        self.surface = surface
        self.request_id = request_id
        self.progress = progress
        self.detached = detached
        """Whether the caller asks for the outcome later instead of waiting for it."""

    def get(self, kind: type[T]) -> T:
        """The service of this type."""
        return self.services.get(kind)
