"""One model call, top to bottom: candidates, attempts, the provider, the bill, the record.

Two loops, because retry and fallback are part of the truth: candidates outside, attempts inside. Streaming
and whole answers are the same code; `run` only collects. Nothing is retried after its first delta was passed
on, unless the caller allows the stream to begin anew (`restartable`), and nothing runs after the deadline.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, TextDelta
from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.cache import Cache, replay
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.cost import DEFAULT_MAX_TOKENS, bill, worst_case
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.queue import Queues
from quorum_mcp.calls.record import Attempt, Reserved, State
from quorum_mcp.calls.retry import wait_before
from quorum_mcp.calls.watcher import Watcher
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import (
    BadProviderAnswer,
    Cancelled,
    DeadlineExceeded,
    ModelNotFound,
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
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.breaker = Breaker()
        self.ledger = ledger
        self.budgets = budgets
        self.watchers = watchers
        self.cache = cache or Cache(settings.cache)
        self.limits = Limits(settings, registry)
        self.queues = Queues(settings)

    async def run(self, call: Call) -> Result:
        """Make the call and return its result. Raises the error of the last candidate."""
        async with aclosing(self.stream(call, restartable=True)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return item
        raise Cancelled("the call ended without an answer", model=call.model)

    async def stream(self, call: Call, *, restartable: bool = False) -> AsyncGenerator[Item, None]:
        """Make the call; yields deltas as they come and, last, the `Result`."""
        state, lookup = State(call), None
        try:
            targets = await self._candidates(call, state)
            lookup = await self.cache.lookup(call, targets[0])
            state.trace.add(f"cache: {lookup.note}")
            if (kept := lookup.answer) is not None:
                for delta in replay(kept):
                    yield delta
                yield state.repeat(targets[0], kept)
                return
            for target in targets:
                async with aclosing(self._attempts(target, state, restartable=restartable)) as items:
                    async for item in items:
                        if isinstance(item, Result) and target is targets[0]:
                            lookup.keep(item.answer)  # now: who has the result asks for no more
                        yield item
                if state.result is not None:
                    return
                if state.streamed and not restartable:
                    break
            raise state.error or Cancelled("the call ended without an answer", model=call.model)
        finally:
            if lookup is not None:
                lookup.close(failed=state.error is not None)
            self.ledger.finish(state)
            for watcher in self.watchers:
                watcher.finished(state)

    async def _candidates(self, call: Call, state: State) -> list[Target]:
        first = await self.registry.find(call.model)
        targets = [first]
        if call.fallback:
            targets += [await self.registry.find(name) for name in self._fallbacks(first)]
        if call.key is not None:
            call.key.require(first.name)
            targets = [target for target in targets if call.key.allows(target.name)]
        state.trace.add("candidates: " + ", ".join(target.name for target in targets))
        return targets

    def _fallbacks(self, first: Target) -> tuple[str, ...]:
        """The chain of a model, under whatever name the settings call it."""
        for name, chain in self.settings.fallbacks.items():
            with suppress(ModelNotFound):
                if name == first.name or self.registry.resolve(name).name == first.name:
                    return chain
        return ()

    async def _attempts(
        self, target: Target, state: State, *, restartable: bool
    ) -> AsyncGenerator[Item, None]:
        call, tries = state.call, 0
        while True:
            tries += 1
            try:
                async with aclosing(self._attempt(target, state)) as items:
                    async for item in items:
                        yield item
                return
            except QuorumError as error:
                if isinstance(error, ProviderModelMissing):
                    error.hint = await self.registry.nearest(target) or error.hint
                if state.error is None or not isinstance(error, DeadlineExceeded):
                    state.error = error  # that time ran out later says less than what went wrong before
                again = restartable or not state.streamed
                left = call.deadline - time.monotonic()
                wait = wait_before(tries, error, self.settings.retry, left) if again else None
                if call.on_trouble is not None:
                    call.on_trouble(error)
            if wait is None:
                state.trace.add(f"{target.name} failed: {state.error}")
                return
            state.trace.add(f"{target.name} failed: {state.error}; next attempt in {wait:.1f} s")
            await asyncio.sleep(wait)
            if state.streamed:
                state.streamed = False
                yield Restart()

    async def _attempt(self, target: Target, state: State) -> AsyncGenerator[Item, None]:
        call = state.call
        state.trace.add(f"breaker of {target.name}: {self.breaker.admit(target.name)}")
        try:
            async with self.queues.of(target.provider.name).slot(call) as waited:
                if waited:
                    state.trace.add(f"waited {waited * 1000:.0f} ms for a place")
                taken = await self.limits.take(target, call)
                try:
                    request, reserved = await self._admit(target, state)
                except BaseException:
                    self.limits.give_back(target, taken)
                    raise
                attempt = state.attempt(target, reserved, taken)
                async with aclosing(self._send(request, state, attempt)) as items:
                    async for item in items:
                        yield item
        except QuorumError as error:
            self.breaker.failed(target.name, error)
            raise
        except BaseException:  # cancelled or closed: says nothing about the model
            self.breaker.released(target.name)
            raise
        self.breaker.succeeded(target.name)

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
        self, request: ModelRequest, state: State, attempt: Attempt
    ) -> AsyncGenerator[Item, None]:
        answer: Answer | None = None
        error: BaseException | None = None
        self._note(state, attempt)
        try:
            left = state.call.remaining()
            times = Timeouts(min(CONNECT_SECONDS, left), left, min(IDLE_SECONDS, left), left)
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
