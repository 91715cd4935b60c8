"""The call's own memory while it is made, and what is written down of it."""

import time

from msgspec import Struct, field

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.call import Call, Result, Trace
from quorum_mcp.calls.limits.limit import NOTHING, Taken
from quorum_mcp.errors import QuorumError
from quorum_mcp.ids import new_id
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.call_rows import Draw
from quorum_mcp.store.clock import now_us


class Bill(Struct, frozen=True):
    """What an attempt came to: `cost` in nanodollars, None without a known price."""

    usage: Usage
    cost: int | None
    estimated: bool
    source: str | None


class Reserved(Struct, frozen=True):
    """Nanodollars set aside for an attempt, and the slices of budgets that they were drawn from."""

    amount: int
    draws: tuple[Draw, ...] = ()


class Attempt(Struct):
    """One request that leaves for a provider, with what was set aside for it (None: it has no bound on cost)."""

    id: str
    n: int
    target: Target
    reserved: Reserved | None
    taken: Taken
    began: float
    began_us: int = 0
    first_token: float | None = None
    text: list[str] = field(default_factory=list)


class State(Struct):
    """A call under way. `streamed` is whether a delta was passed on; `error` is the last attempt's."""

    call: Call
    whole: bool = False
    """Whether nobody wants its deltas."""
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
    last: Attempt | None = None
    answer: Answer | None = None
    bill: Bill | None = None
    spent: int = 0
    """Nanodollars of all attempts whose price is known."""
    recorded: bool = False
    """Whether the call's own record is written."""

    def attempt(self, target: Target, reserved: Reserved | None, taken: Taken) -> Attempt:
        """The next attempt, about to be sent."""
        self.attempts += 1
        return Attempt(new_id("att"), self.attempts, target, reserved, taken, time.monotonic())

    def repeat(self, target: Target, kept: Answer) -> Result:
        """The call's result out of the cache: nothing was sent, nothing is billed."""
        self.answer = kept
        attempt = Attempt("", 0, target, None, NOTHING, time.monotonic(), first_token=0.0)
        self.last, self.bill = attempt, Bill(Usage(reported=False), 0, estimated=False, source="cache")
        return self.succeed(attempt, kept, self.bill)

    def simulated(self, target: Target) -> bool:
        """Whether what came back was simulated, by the provider's kind or its own word."""
        said = self.answer is not None and self.answer.simulated
        failed = self.error is not None and bool(self.error.details.get("simulated"))
        return target.provider.kind == "sim" or said or failed

    def succeed(self, attempt: Attempt, answer: Answer, settled: Bill) -> Result:
        """The call's result out of its last attempt."""
        target, self.answer = attempt.target, answer
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
            first_token=attempt.first_token,
            attempts=self.attempts,
            cached=not self.attempts,
            trace=tuple(self.trace.lines),
            warnings=warnings,
        )
        return self.result
