"""One model call, top to bottom: candidates, attempts, the provider, the bill, the record.

Two loops, because retry and fallback are part of the truth: candidates outside, attempts inside. A whole answer
and a stream go through the same stages and differ only in what is passed on. Nothing is retried after its first
delta was passed on, unless the caller allows the stream to begin anew (`restartable`), and nothing runs after the
deadline.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, Passed, TextDelta
from quorum_mcp.calls.admission import Admission
from quorum_mcp.calls.balance import Balance
from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.cache import Cache, Lookup, replay
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.candidates import Candidates
from quorum_mcp.calls.chain import Chain, Step
from quorum_mcp.calls.counting import perform
from quorum_mcp.calls.guardrails import Guardrails
from quorum_mcp.calls.handler import PREFIX, ModelHandler
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.queue import Queues
from quorum_mcp.calls.record import Attempt, State
from quorum_mcp.calls.watcher import Watcher
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import (
    BadProviderAnswer,
    Cancelled,
    DeadlineExceeded,
    ProviderModelMissing,
    QuorumError,
    Unsupported,
)
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.flow import Flow
from quorum_mcp.providers.registry import Registry

Item = Delta | Passed | Flow | Restart | Result
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
        guardrails: Guardrails | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.breaker = Breaker()
        self.ledger = ledger
        self.budgets = budgets
        self.watchers = watchers
        self.cache = cache or Cache(settings.cache)
        self.limits = limits or Limits(settings, registry)
        self.queues = Queues(settings)
        self.balance = Balance(registry, self.breaker, self.limits, self.queues)
        self.candidates = Candidates(settings, registry, self.balance)
        self.guardrails = guardrails
        self.admission = Admission(
            registry, ledger, budgets, self.limits, self.queues, self.breaker, watchers
        )
        self.virtual: ModelHandler | None = None
        """Who answers for the names below `quorum/`; set once, when everything is wired."""

    async def run(self, call: Call) -> Result:
        """Make the call and return its result. Raises the error of the last candidate."""
        if self.virtual is not None and call.model.startswith(PREFIX):
            return await _last(self.virtual.stream(_opened(call)), call)
        state = State(call)
        lookup: Lookup | None = None
        try:
            chain, lookup = await self._begin(state)
            if lookup.answer is not None:
                return state.repeat(chain.target, lookup.answer)
            step: Step | None = chain.first()
            while step is not None:
                if step.wait:
                    await asyncio.sleep(step.wait)
                try:
                    await self._ask(chain, state)
                    break
                except QuorumError as error:
                    step = await self._after(error, chain, state, restartable=True)
            return self._end(chain, state, lookup)
        finally:
            self._finish(state, lookup)

    def stream(self, call: Call, *, restartable: bool = False) -> AsyncGenerator[Item, None]:
        """Make the call; yields deltas as they come and, last, the `Result`."""
        if self.virtual is not None and call.model.startswith(PREFIX):
            return self.virtual.stream(_opened(call))
        return self._stream(State(call), restartable=restartable)

    async def _stream(self, state: State, *, restartable: bool) -> AsyncGenerator[Item, None]:
        lookup: Lookup | None = None
        try:
            chain, lookup = await self._begin(state)
            if (kept := lookup.answer) is not None:
                for delta in replay(kept):
                    yield delta
                yield state.repeat(chain.target, kept)
                return
            step: Step | None = chain.first()
            while step is not None:
                if step.wait:
                    await asyncio.sleep(step.wait)
                if state.streamed:
                    state.streamed = False
                    yield Restart()
                try:
                    async with aclosing(self._told(chain, state)) as deltas:
                        async for delta in deltas:
                            state.streamed = True
                            yield delta
                    break
                except QuorumError as error:
                    step = await self._after(error, chain, state, restartable=restartable)
            yield self._end(chain, state, lookup)
        finally:
            self._finish(state, lookup)

    async def _begin(self, state: State) -> tuple[Chain, Lookup]:
        """Whom to ask, and what the cache knows already. Guardrails may have made it another call."""
        targets = await self.candidates.of(state.call, state)
        if self.guardrails is not None:
            state.call = _opened(state.call)
            if state.call.request.logprobs is not None:
                raise Unsupported(
                    "logprobs would tell of what guardrails took out", hint="leave logprobs out"
                )
            state.call = await self.guardrails.before(state, targets[0])
        call = state.call
        lookup = await self.cache.lookup(call, targets[0])
        state.trace.add(f"cache: {lookup.note}")
        if self.guardrails is not None and lookup.answer is not None:
            lookup.answer = await self.guardrails.kept(state, targets[0], lookup.answer)
        return Chain(targets, self.settings.retry, self.breaker.refuses, call.deadline), lookup

    async def _after(
        self, error: QuorumError, chain: Chain, state: State, *, restartable: bool
    ) -> Step | None:
        """What is done after an attempt that failed."""
        call, target = state.call, chain.target
        if isinstance(error, ProviderModelMissing):
            await self.candidates.explain(call, target, error)
        if state.error is None or not isinstance(error, DeadlineExceeded):
            state.error = error  # that time ran out later says less than what went wrong before
        following = chain.after(error) if restartable or not state.streamed else None
        if call.on_trouble is not None:
            call.on_trouble(error)
        state.trace.add(f"{target.label} failed: {error}; {f'next: {following}' if following else chain.end}")
        return following

    async def _ask(self, chain: Chain, state: State) -> None:
        """One request to a provider, for the answer in one piece: a tenth of a stream's work.

        Its first byte comes when it is done, so while there is another candidate a stream tells a silent one from
        a slow one.
        """
        if chain.another:
            async with aclosing(self._told(chain, state)) as deltas:
                async for _ in deltas:
                    pass
            return
        attempt = await self.admission.admit(chain.target, chain, state)
        answer, error = None, None
        try:
            answer = await _whole(attempt, state.call)
            if self.guardrails is not None:
                answer = await self.guardrails.after(state, attempt.target, answer)
        except BaseException as caught:
            error = caught
            raise
        finally:
            self.admission.settle(state, attempt, answer, error)

    async def _told(self, chain: Chain, state: State) -> AsyncGenerator[Delta | Passed | Flow, None]:
        """One request to a provider: its deltas. Where it ends well, `state.result` is the call's."""
        attempt = await self.admission.admit(chain.target, chain, state)
        answer, error = None, None
        try:
            pieces = _pieces(attempt, state.call, chain.patience())
            if (
                self.guardrails is not None
            ):  # the request was opened for them, so nothing is passed on as it is
                watched = cast("AsyncGenerator[Delta | Answer, None]", pieces)
                pieces = self.guardrails.watch(state, attempt.target, watched)
            async with aclosing(pieces) as items:
                async for item in items:
                    if attempt.first_token is None:
                        attempt.first_token = time.monotonic() - attempt.began
                    if isinstance(item, Passed | TextDelta):
                        attempt.text.append(item.text)
                    elif isinstance(item, Flow):
                        item.told = attempt.text.append
                    elif isinstance(item, Answer):
                        answer = item
                        continue
                    yield item
            if answer is None:
                target = attempt.target
                raise BadProviderAnswer(
                    "the answer has no end", provider=target.provider.name, model=target.model
                )
        except BaseException as caught:
            error = caught
            raise
        finally:
            self.admission.settle(state, attempt, answer, error)

    def _end(self, chain: Chain, state: State, lookup: Lookup) -> Result:
        """The call's result, kept for its repeats; raises the last error where there is none."""
        if state.result is None:
            raise state.error or Cancelled("the call ended without an answer", model=state.call.model)
        if chain.is_first:
            lookup.keep(state.result.answer)
        return state.result

    def _finish(self, state: State, lookup: Lookup | None) -> None:
        """The call has ended, however it did: nobody waits for its answer any more, and it is written down."""
        if lookup is not None:
            lookup.close(failed=state.error is not None)
        self.ledger.finish(state)
        for watcher in self.watchers:
            watcher.finished(state)


def _opened(call: Call) -> Call:
    """The call with its request in our own words."""
    return call if call.request.native is None else structs.replace(call, request=call.request.opened())


async def _last(items: AsyncGenerator[Item, None], call: Call) -> Result:
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Result):
                return item
    raise Cancelled("the call ended without an answer", model=call.model)


async def _whole(attempt: Attempt, call: Call) -> Answer:
    """The answer in one piece; its first byte is there when it is done."""
    request, provider = attempt.request, attempt.target.provider
    left = call.remaining()
    times = Timeouts(min(CONNECT_SECONDS, left), left, left, left)
    if request.task is not None:
        answer = await perform(provider, request, times)
    else:
        answer = await provider.complete(request, times)
    attempt.first_token = time.monotonic() - attempt.began
    return answer


def _pieces(
    attempt: Attempt, call: Call, patience: float
) -> AsyncGenerator[Delta | Passed | Flow | Answer, None]:
    """What the provider answers, the `Answer` last; it may take so many seconds to begin."""
    request, left = attempt.request, call.remaining()
    first = min(patience, left)
    if request.task is not None:
        return _alone(attempt, structs.replace(call, deadline=time.monotonic() + first))
    times = Timeouts(min(CONNECT_SECONDS, first), first, min(IDLE_SECONDS, first), left)
    return attempt.target.provider.stream(request, times)


async def _alone(attempt: Attempt, call: Call) -> AsyncGenerator[Answer, None]:
    yield await _whole(attempt, call)
