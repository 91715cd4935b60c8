"""One model call, top to bottom: candidates, attempts, the provider, the bill, the record.

Two loops, because retry and fallback are part of the truth: candidates outside, attempts inside. Streaming
and whole answers are the same code; `run` only collects. Nothing is retried after its first delta was passed
on, unless the caller allows the stream to begin anew (`restartable`), and nothing runs after the deadline.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, TextDelta
from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.cache import Cache, replay
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.candidates import Candidates
from quorum_mcp.calls.chain import WAITING_SHARE, Chain
from quorum_mcp.calls.cost import DEFAULT_MAX_TOKENS, bill, worst_case
from quorum_mcp.calls.handler import PREFIX, ModelHandler
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.queue import Queues
from quorum_mcp.calls.record import Attempt, Reserved, State
from quorum_mcp.calls.watcher import Watcher
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import (
    BadProviderAnswer,
    Cancelled,
    DeadlineExceeded,
    ProviderModelMissing,
    QuorumError,
)
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.registry import Registry, Target

Item = Delta | Restart | Result
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0


class Calls:
    """Makes model calls. One per process; it holds the process's cache, limits, breakers and queues."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        ledger: Ledger,
        budgets: Budgets,
        *watchers: Watcher,
        cache: Cache | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.breaker = Breaker()
        self.candidates = Candidates(settings, registry)
        self.ledger = ledger
        self.budgets = budgets
        self.watchers = watchers
        self.cache = cache or Cache(settings.cache)
        self.limits = limits or Limits(settings, registry)
        self.queues = Queues(settings)
        self.virtual: ModelHandler | None = None
        """Who answers for the names below `quorum/`; set once, when everything is wired."""

    async def run(self, call: Call) -> Result:
        """Make the call and return its result. Raises the error of the last candidate."""
        async with aclosing(self.stream(call, restartable=True)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return item
        raise Cancelled("the call ended without an answer", model=call.model)

    def stream(self, call: Call, *, restartable: bool = False) -> AsyncGenerator[Item, None]:
        """Make the call; yields deltas as they come and, last, the `Result`."""
        if self.virtual is not None and call.model.startswith(PREFIX):
            return self.virtual.stream(call)
        return self._stream(call, restartable=restartable)

    async def _stream(self, call: Call, *, restartable: bool) -> AsyncGenerator[Item, None]:
        state, lookup = State(call), None
        try:
            targets = await self.candidates.of(call, state)
            lookup = await self.cache.lookup(call, targets[0])
            state.trace.add(f"cache: {lookup.note}")
            if (kept := lookup.answer) is not None:
                for delta in replay(kept):
                    yield delta
                yield state.repeat(targets[0], kept)
                return
            chain = Chain(targets, self.settings.retry, self.breaker.refuses, call.deadline)
            async with aclosing(self._attempts(chain, state, restartable=restartable)) as items:
                async for item in items:
                    if isinstance(item, Result) and f"{item.provider}/{item.model}" == targets[0].name:
                        lookup.keep(item.answer)  # now: who has the result asks for no more
                    yield item
            if state.result is not None:
                return
            raise state.error or Cancelled("the call ended without an answer", model=call.model)
        finally:
            if lookup is not None:
                lookup.close(failed=state.error is not None)
            self.ledger.finish(state)
            for watcher in self.watchers:
                watcher.finished(state)

    async def _attempts(self, chain: Chain, state: State, *, restartable: bool) -> AsyncGenerator[Item, None]:
        call, step = state.call, chain.first()
        while step is not None:
            if step.wait:
                await asyncio.sleep(step.wait)
            if state.streamed:
                state.streamed = False
                yield Restart()
            try:
                async with aclosing(self._attempt(step.target, chain, state)) as items:
                    async for item in items:
                        yield item
                return
            except QuorumError as error:
                if isinstance(error, ProviderModelMissing):
                    await self.candidates.explain(call, step.target, error)
                if state.error is None or not isinstance(error, DeadlineExceeded):
                    state.error = error  # that time ran out later says less than what went wrong before
                failed = f"{step.target.name} failed: {error}"
                step = chain.after(error) if restartable or not state.streamed else None
                if call.on_trouble is not None:
                    call.on_trouble(error)
            state.trace.add(f"{failed}; next: {step}" if step else f"{failed}; {chain.end}")

    async def _attempt(self, target: Target, chain: Chain, state: State) -> AsyncGenerator[Item, None]:
        self.breaker.check(target.name)  # now rather than after a wait for a place
        call = structs.replace(state.call, deadline=time.monotonic() + chain.patience(WAITING_SHARE))
        async with self.queues.of(target.provider.name).slot(call) as waited:
            if waited:
                state.trace.add(f"waited {waited * 1000:.0f} ms for a place")
            with self.breaker.admit(target.name) as passing:
                state.trace.add(f"breaker of {target.name}: {passing}")
                taken = await self.limits.take(target, call)
                try:
                    request, reserved = await self._admit(target, state)
                except BaseException:
                    self.limits.give_back(target, taken)
                    raise
                attempt = state.attempt(target, reserved, taken)
                passing.leaves()
                async with aclosing(self._send(request, state, attempt, chain.patience())) as items:
                    async for item in items:
                        if isinstance(item, Result):
                            passing.answered()  # now: who has the result asks for no more
                        yield item

    async def _admit(self, target: Target, state: State) -> tuple[ModelRequest, Reserved | None]:
        """The request as it is sent, and the money set aside for it."""
        call, given = state.call, state.call.request
        request = structs.replace(
            given,
            model=target.model,
            max_tokens=given.max_tokens or target.max_tokens,
            temperature=target.temperature if given.temperature is None else given.temperature,
        )
        budgets = self.budgets.of(call, target)
        if (call.allowance is None and not budgets) or target.provider.kind == "builtin":
            return request, None
        strict = any(one.strict for one in budgets) or (call.allowance is not None and call.allowance.strict)
        worst = worst_case(self.registry, target, request, strict=strict)
        if worst and (strict or any(one.enforce for one in budgets)):
            request = structs.replace(request, max_tokens=request.max_tokens or DEFAULT_MAX_TOKENS)
        if call.allowance is not None:
            call.allowance.reserve(worst, model=target.name)
        try:
            draws = await self.budgets.reserve(budgets, worst, call) if worst else ()
        except BaseException:
            if call.allowance is not None:
                call.allowance.settle(worst, 0)
            raise
        state.trace.add(f"reserved {worst} nanodollars")
        return request, Reserved(worst, draws)

    def _note(self, state: State, attempt: Attempt) -> None:
        """Write down that the attempt is about to leave; where that cannot be, nothing stays set aside for it."""
        try:
            self.ledger.sent(state, attempt)
        except BaseException:
            if attempt.reserved is not None:
                if state.call.allowance is not None:
                    state.call.allowance.settle(attempt.reserved.amount, 0)
                self.budgets.settle(attempt.reserved, 0)
            self.limits.give_back(attempt.target, attempt.taken)
            raise

    async def _send(
        self, request: ModelRequest, state: State, attempt: Attempt, patience: float
    ) -> AsyncGenerator[Item, None]:
        answer: Answer | None = None
        error: BaseException | None = None
        self._note(state, attempt)
        try:
            left = state.call.remaining()
            first = min(patience, left)
            times = Timeouts(min(CONNECT_SECONDS, first), first, min(IDLE_SECONDS, first), left)
            async with aclosing(attempt.target.provider.stream(request, times)) as items:
                async for item in items:
                    attempt.first_token = attempt.first_token or time.monotonic() - attempt.began
                    if isinstance(item, Answer):
                        answer = item
                        continue
                    if isinstance(item, TextDelta):
                        attempt.text.append(item.text)
                    state.streamed = True
                    yield item
            answered = _ended(answer, attempt.target)
        except BaseException as caught:
            error = caught
            raise
        finally:
            settled = bill(self.registry, request, attempt, answer, error)
            state.spent += settled.cost or 0
            if state.call.on_bill is not None:
                state.call.on_bill(state.id, settled.cost)
            if attempt.reserved is not None:
                if state.call.allowance is not None:
                    state.call.allowance.settle(attempt.reserved.amount, settled.cost or 0)
                self.budgets.settle(attempt.reserved, settled.cost or 0)
            self.limits.correct(attempt.target, attempt.taken, settled.usage)
            self.limits.learn(attempt.target, answer, error)
            self.ledger.done(state, attempt, answer, settled, error)
            for watcher in self.watchers:
                watcher.attempted(attempt, settled, error)
        state.trace.add(
            f"{attempt.target.name} answered: {answered.usage.output} tokens, stop: {answered.stop}"
        )
        yield state.succeed(attempt, answered, settled)


def _ended(answer: Answer | None, target: Target) -> Answer:
    if answer is None:
        raise BadProviderAnswer("the answer has no end", provider=target.provider.name, model=target.model)
    return answer
