"""The call's own memory while it is made, and what is written down of it."""

import time

from msgspec import Struct, field

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.breaker import Pass
from quorum_mcp.calls.call import Call, Result, Trace
from quorum_mcp.calls.limits.limit import Taken
from quorum_mcp.calls.queue import Queue
from quorum_mcp.errors import QuorumError
from quorum_mcp.ids import new_id
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.call_rows import Draw, first_attempt
from quorum_mcp.store.clock import now_us


class Bill(Struct, frozen=True):
    """What an attempt came to: `cost` in nanodollars, None without a known price."""

    usage: Usage
    cost: int | None
    estimated: bool
    source: str | None


class Reserved(Struct, frozen=True):
    """Nanodollars set aside for an attempt, and the slices of budgets that they were drawn from.

    `exact` is whether the prompt's tokens were counted for it, rather than bounded by its bytes.
    """

    amount: int
    draws: tuple[Draw, ...] = ()
    exact: bool = True


class Attempt(Struct):
    """One request that leaves for a provider, with all that was taken for it (None: nothing).

    Attributes:
        request: as it is sent.
        entered: when it got its place in `queue`, and `began`, when it left; monotonic seconds.
    """

    id: str
    n: int
    target: Target
    queue: Queue
    taken: Taken
    entered: float
    request: ModelRequest
    reserved: Reserved | None = None
    passing: Pass | None = None
    began: float = 0.0
    began_us: int = 0
    first_token: float | None = None
    text: list[str] = field(default_factory=list)


class State(Struct):
    """A call under way. `streamed` is whether a delta was passed on; `error` is the last attempt's."""

    call: Call
    first: Target | None = None
    """The model that was asked for, once its name is resolved."""
    id: str = field(default_factory=lambda: new_id("call"))
    trace: Trace = field(default_factory=Trace)
    began: float = field(default_factory=time.monotonic)
    began_us: int = field(default_factory=now_us)
    attempts: int = 0
    streamed: bool = False
    error: QuorumError | None = None
    result: Result | None = None
    last: Target | None = None
    """The model that was asked last."""
    since: float | None = None
    """Seconds from the call's start until the first piece of its answer."""
    answer: Answer | None = None
    bill: Bill | None = None
    spent: int = 0
    """Nanodollars of all attempts whose price is known."""
    recorded: bool = False
    """Whether the call's own record is written."""

    def attempt(self, target: Target, queue: Queue, taken: Taken) -> Attempt:
        """The next attempt; it counts once it is `sent`."""
        n, name = self.attempts + 1, first_attempt(self.id)
        if n > 1:
            name = f"{name}.{n}"
        return Attempt(name, n, target, queue, taken, time.monotonic(), self.call.request)

    def repeat(self, target: Target, kept: Answer) -> Result:
        """The call's result out of the cache: nothing was sent, nothing is billed."""
        self.last, self.bill = target, Bill(Usage(reported=False), 0, estimated=False, source="cache")
        self.since = time.monotonic() - self.began
        return self._succeed(target, kept, self.bill, 0.0)

    def refuse(self, target: Target, error: QuorumError) -> None:
        """The call ends before anything was sent, and is written down all the same."""
        self.error, self.last = error, target
        self.bill = Bill(Usage(reported=False), 0, estimated=False, source=None)

    def simulated(self, target: Target) -> bool:
        """Whether what came back was simulated, by the provider's kind or its own word."""
        if target.provider.kind == "sim" or (self.answer is not None and self.answer.simulated):
            return True
        return self.error is not None and bool(self.error.details.get("simulated"))

    def succeed(self, attempt: Attempt, answer: Answer, settled: Bill) -> None:
        """The call's result out of its last attempt."""
        self._succeed(attempt.target, answer, settled, attempt.first_token)

    def _succeed(self, target: Target, answer: Answer, settled: Bill, first_token: float | None) -> Result:
        self.answer = answer
        warnings = ()
        if settled.cost is None:
            warnings = (f"no price is known for {target.name}; its cost is not counted",)
        self.result = Result(
            id=self.id,
            answer=answer,
            provider=target.provider.name,
            model=target.model,
            simulated=self.simulated(target),
            cost=None if settled.cost is None else self.spent,
            estimated=settled.estimated,
            latency=time.monotonic() - self.began,
            first_token=first_token,
            attempts=self.attempts,
            cached=not self.attempts,
            trace=tuple(self.trace.lines),
            warnings=warnings,
        )
        return self.result
