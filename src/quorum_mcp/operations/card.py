"""An operation and its card: everything that the surfaces are generated from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from quorum_mcp.operations.context import Context

Surface = Literal["rest", "mcp", "websocket", "cli", "sdk"]
Method = Literal["GET", "POST", "DELETE"]
I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output


class Effect(Enum):
    """What an operation does to the world."""

    READ = "read"
    SPEND = "spend"
    WRITE = "write"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Http:
    """Where REST offers the operation. `{name}` in the path is a field of the input."""

    method: Method
    path: str
    status: int = 200


@dataclass(frozen=True)
class Operation(Generic[I, O]):
    """One thing Quorum can do.

    Attributes:
        name: dotted, as `quorum op NAME` takes it.
        summary: one sentence, shown by every surface.
        run: the code; it gets a validated input and the caller's context.
        effect: what it changes.
        surfaces: where it is offered.
        http: its REST route, where it has one.
        tool: its name as an MCP tool, where it has one.
        open_world: whether it talks to anything but Quorum itself (an MCP hint).
        table: a list of the output, whose rows REST also sends as CSV (`?format=csv`).
        worst_case: nanodollars that an input may cost at the most, where that can be told beforehand.
    """

    name: str
    summary: str
    run: "Callable[[Context, I], Awaitable[O]]"
    input: type[I]
    output: type[O]
    effect: Effect = Effect.READ
    scopes: frozenset[str] = frozenset({"read"})
    surfaces: frozenset[Surface] = field(default_factory=lambda: frozenset[Surface]({"rest", "cli", "sdk"}))
    http: Http | None = None
    tool: str | None = None
    title: str = ""
    open_world: bool = False
    table: str | None = None
    worst_case: "Callable[[Context, I], Awaitable[int]] | None" = None


class Empty(BaseModel):
    """No input."""


AnyOperation = Operation[BaseModel, BaseModel]
