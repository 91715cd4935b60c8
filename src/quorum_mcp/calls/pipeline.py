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
from quorum_mcp.calls.cache import Cache, Lookup, replay
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.candidates import Candidates
from quorum_mcp.calls.chain import WAITING_SHARE, Chain, Step
from quorum_mcp.calls.cost import DEFAULT_MAX_TOKENS, bill, worst_case
from quorum_mcp.calls.handler import PREFIX, ModelHandler
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits, Turn
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
from quorum_mcp.providers.base import Provider, Timeouts
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
        async with aclosing(self.stream(call, restartable=True, whole=True)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return item
        raise Cancelled("the call ended without an answer", model=call.model)

    def stream(
        self, call: Call, *, restartable: bool = False, whole: bool = False
    ) -> AsyncGenerator[Item, None]:
        """Make the call; yields deltas as they come and, last, the `Result`.

        With `whole` nobody wants the deltas: providers may be asked for the answer in one piece.
        """
        if self.virtual is not None and call.model.startswith(PREFIX):
            return self.virtual.stream(call)
        return self._stream(State(call, whole=whole), restartable=restartable)

    async def _stream(self, state: State, *, restartable: bool) -> AsyncGenerator[Item, None]:
        call, lookup = state.call, None
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
            step: Step | None = chain.first()
            while step is not None:
                if step.wait:
                    await asyncio.sleep(step.wait)
                if state.streamed:
                    state.streamed = False
                    yield Restart()
                try:
                    async with aclosing(self._attempt(step.target, chain, state)) as deltas:
                        async for delta in deltas:
                            yield delta
                    break
                except QuorumError as error:
                    step = await self._after(error, step, chain, state, restartable=restartable)
            if state.result is None:
                raise state.error or Cancelled("the call ended without an answer", model=call.model)
            if step is not None and step.target is targets[0]:
                lookup.keep(state.result.answer)
            yield state.result
        finally:
            self._finish(state, lookup)

    async def _after(
        self, error: QuorumError, step: Step, chain: Chain, state: State, *, restartable: bool
    ) -> Step | None:
        """What is done after an attempt that failed."""
        call, target = state.call, step.target
        if isinstance(error, ProviderModelMissing):
            await self.candidates.explain(call, target, error)
        if state.error is None or not isinstance(error, DeadlineExceeded):
            state.error = error  # that time ran out later says less than what went wrong before
        following = chain.after(error) if restartable or not state.streamed else None
        if call.on_trouble is not None:
            call.on_trouble(error)
        state.trace.add(f"{target.name} failed: {error}; {f'next: {following}' if following else chain.end}")
        return following

    async def _attempt(self, target: Target, chain: Chain, state: State) -> AsyncGenerator[Delta, None]:
        """One request to a provider: its deltas. Where it ends well, `state.result` is the call's."""
        self.breaker.check(target.name)  # now rather than after a wait for a place
        call, answer, error = state.call, None, None
        if chain.another:
            call = structs.replace(call, deadline=time.monotonic() + chain.patience(WAITING_SHARE))
        slot = self.queues.of(target.provider.name).slot(call)
        async with self.limits.turn(target, call) as turn, slot as waited:
            if waited:
                state.trace.add(f"waited {waited * 1000:.0f} ms for a place")
            with self.breaker.admit(target.name) as passing:
                state.trace.add(f"breaker of {target.name}: {passing}")
                request, attempt = await self._prepare(target, call, state, turn)
                passing.leaves()
                try:
                    times = _timeouts(state.call.remaining(), chain.patience())
                    asked = _asked(target.provider, request, times, state.whole, chain)
                    async with aclosing(asked) as items:
                        async for item in items:
                            if attempt.first_token is None:
                                attempt.first_token = time.monotonic() - attempt.began
                            if isinstance(item, Answer):
                                answer = item
                                continue
                            if isinstance(item, TextDelta):
                                attempt.text.append(item.text)
                            state.streamed = True
                            yield item
                    if answer is None:
                        raise BadProviderAnswer(
                            "the answer has no end", provider=target.provider.name, model=target.model
                        )
                except BaseException as caught:
                    error = caught
                    raise
                finally:
                    self._settle(request, state, attempt, answer, error)

    async def _prepare(
        self, target: Target, call: Call, state: State, turn: Turn
    ) -> tuple[ModelRequest, Attempt]:
        """Rates and money for one request, and its line in the journal: from here on it may leave."""
        taken = await self.limits.take(target, call, turn)
        if taken.waited:
            state.trace.add(taken.waited)
        try:
            request, reserved = await self._admit(target, state)
        except BaseException:
            self.limits.give_back(target, taken)
            raise
        attempt = state.attempt(target, reserved, taken)
        self._note(state, attempt)
        return request, attempt

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

    def _settle(
        self,
        request: ModelRequest,
        state: State,
        attempt: Attempt,
        answer: Answer | None,
        error: BaseException | None,
    ) -> None:
        """The attempt has ended, however it did: bill it, return what it did not need, write it down."""
        call, target = state.call, attempt.target
        settled = bill(self.registry, request, attempt, answer, error)
        cost = settled.cost or 0
        state.spent += cost
        if call.on_bill is not None:
            call.on_bill(state.id, settled.cost)
        if attempt.reserved is not None:
            if call.allowance is not None:
                call.allowance.settle(attempt.reserved.amount, cost)
            self.budgets.settle(attempt.reserved, cost)
        self.limits.correct(target, attempt.taken, settled.usage)
        self.limits.learn(target, answer, error)
        if answer is not None and error is None:
            state.trace.add(f"{target.name} answered: {answer.usage.output} tokens, stop: {answer.stop}")
            state.succeed(attempt, answer, settled)
        self.ledger.done(state, attempt, answer, settled, error)
        for watcher in self.watchers:
            watcher.attempted(attempt, settled, error)

    def _finish(self, state: State, lookup: Lookup | None) -> None:
        """The call has ended, however it did: nobody waits for its answer any more, and it is written down."""
        if lookup is not None:
            lookup.close(failed=state.error is not None)
        self.ledger.finish(state)
        for watcher in self.watchers:
            watcher.finished(state)


async def _asked(
    provider: Provider, request: ModelRequest, times: Timeouts, whole: bool, chain: Chain
) -> AsyncGenerator[Delta | Answer, None]:
    """What the provider answers, the `Answer` last.

    Where nobody wants the deltas it is asked for the answer in one piece: a tenth of a stream's work. Its first
    byte comes when it is done, so while there is another candidate a stream tells a silent one from a slow one.
    """
    in_one = structs.replace(times, first_byte=times.total, idle=times.total)
    if request.task == "embed":
        made = await provider.embed(request.model, request.texts, in_one)
        yield Answer((), "stop", made.usage, made.model, vectors=made.vectors)
    elif whole and not chain.another:
        yield await provider.complete(request, in_one)
    else:
        async with aclosing(provider.stream(request, times)) as items:
            async for item in items:
                yield item


def _timeouts(left: float, patience: float) -> Timeouts:
    """How long the provider may take, in seconds: in all, and to begin."""
    first = min(patience, left)
    return Timeouts(min(CONNECT_SECONDS, first), first, min(IDLE_SECONDS, first), left)
