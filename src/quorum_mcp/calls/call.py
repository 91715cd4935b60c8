"""What a model call is asked with, and what it comes back with."""

import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.answers import Answer
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.errors import DeadlineExceeded, QuorumError
from quorum_mcp.messages import ModelRequest


class Call(Struct, frozen=True, kw_only=True):
    """One model call to make.

    Attributes:
        model: `provider/model`, an alias or a bare name; `request.model` is filled in from it.
        deadline: on the monotonic clock, seconds; nothing of the call runs after it.
        allowance: what the call may spend (shared with its run's other calls); None is no bound.
        on_trouble: told of every failed attempt.
        on_bill: told the call's id and the bill of every attempt, in nanodollars (None: no known price).
        fallback: whether the model's configured fallback chain may answer instead.
        vendor: the provider whose API the caller speaks, asked first for a bare model name.
        key: the API key on whose behalf, with what it may call and how fast.
        priority: who goes first where calls wait for a place; higher is sooner.
        cache: whether an answer that was given before may answer, and this one be kept.
    """

    model: str
    request: ModelRequest
    deadline: float
    tenant: str = "local"
    run_id: str | None = None
    role: str = "answer"
    surface: str = "sdk"
    tags: tuple[str, ...] = ()
    allowance: Allowance | None = None
    fallback: bool = True
    vendor: str | None = None
    key: KeyRule | None = None
    priority: int = 0
    cache: bool = True
    on_trouble: Callable[[QuorumError], None] | None = None
    on_bill: Callable[[str, int | None], None] | None = None

    def remaining(self) -> float:
        """Seconds until the deadline; raises `DeadlineExceeded` when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                "the time for this call is over", hint="allow more time: timeout_seconds", model=self.model
            )
        return left


class Restart(Struct, frozen=True):
    """The stream begins anew: what was passed on so far is void (only where the caller allows it)."""


class Result(Struct, frozen=True, kw_only=True):
    """A finished call. `cost` is nanodollars, None where no price is known; times are seconds."""

    id: str
    answer: Answer
    provider: str
    model: str
    simulated: bool
    cost: int | None
    estimated: bool
    latency: float
    first_token: float | None
    attempts: int
    cached: bool = False
    """Whether it is the kept answer to an equal request."""
    trace: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    extension: dict[str, Any] | None = None
    """What a panel says besides its answer: agreement, confidence, dissent."""


class Trace(Struct):
    """The call's decisions, one line each, with the milliseconds since it began."""

    started: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Add a line."""
        self.lines.append(f"{int((time.monotonic() - self.started) * 1000)} ms: {line}")
