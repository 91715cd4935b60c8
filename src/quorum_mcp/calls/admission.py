"""What stands between a call and its provider: breaker, queue, rates, money, journal, and how each is given back.

An attempt is admitted at once wherever nothing has to be waited for, which is nearly always. Only where it has to
does it stand in lines. Whatever was taken for it is given back in one place, however it ends.
"""

import time
from contextlib import suppress

from msgspec import structs

from quorum_mcp.answers import Answer
from quorum_mcp.calls.bounds import DEFAULT_MAX_TOKENS
from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.budgets.budget import Budget
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.chain import WAITING_SHARE, Chain
from quorum_mcp.calls.cost import bill, worst_case
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.limits.limit import Taken
from quorum_mcp.calls.queue import Queue, Queues
from quorum_mcp.calls.record import Attempt, Reserved, State
from quorum_mcp.calls.watcher import Watcher
from quorum_mcp.errors import BudgetExceeded, Unsupported
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.store.call_rows import Draw

PLENTY = 8
"""How many times a rough bound on the cost has to fit into what is left, for the exact one not to be worked out."""


class Admission:
    """Lets attempts through, and settles them. One per process."""

    def __init__(
        self,
        registry: Registry,
        ledger: Ledger,
        budgets: Budgets,
        limits: Limits,
        queues: Queues,
        breaker: Breaker,
        watchers: tuple[Watcher, ...],
    ) -> None:
        self.registry = registry
        self.ledger = ledger
        self.budgets = budgets
        self.limits = limits
        self.queues = queues
        self.breaker = breaker
        self.watchers = watchers

    async def admit(self, target: Target, chain: Chain, state: State) -> Attempt:
        """Take a place, rates and money for one request, and note it in the journal: from here on it may leave.

        Raises what refuses it; then nothing stays taken.
        """
        call, queue = state.call, self.queues.of(target.endpoint)
        taken = self._at_once(queue, target, call)
        if taken is None:
            taken = await self._wait(queue, target, chain, state)
        attempt = state.attempt(target, queue, taken)
        try:
            attempt.passing = self.breaker.admit(target.label)
            state.trace.add(f"breaker of {target.label}: {attempt.passing}")
            attempt.request, attempt.reserved = await self._fund(target, state)
            self.ledger.sent(state, attempt)
        except BaseException as error:
            self._take_back(call, attempt)
            self._release(call, attempt, error)
            raise
        attempt.began = attempt.passing.leaves()
        return attempt

    def settle(
        self, state: State, attempt: Attempt, answer: Answer | None, error: BaseException | None
    ) -> None:
        """The attempt has ended, however it did: bill it, return what it did not need, write it down."""
        call = state.call
        settled = bill(self.registry, attempt, answer, error)
        cost = settled.cost or 0
        state.spent += cost
        if call.on_bill is not None:
            call.on_bill(state.id, settled.cost)
        if attempt.reserved is not None:
            if call.allowance is not None:
                call.allowance.settle(attempt.reserved.amount, cost)
            self.budgets.settle(attempt.reserved, cost)
        self.limits.correct(attempt.target, attempt.taken, settled.usage)
        self.limits.learn(attempt.target, answer, error)
        if answer is not None and error is None:
            state.trace.add(
                f"{attempt.target.label} answered: {answer.usage.output} tokens, stop: {answer.stop}"
            )
            state.succeed(attempt, answer, settled)
        self.ledger.done(state, attempt, answer, settled, error)
        for watcher in self.watchers:
            watcher.attempted(attempt, settled, error)
        self._release(call, attempt, error)

    def _at_once(self, queue: Queue, target: Target, call: Call) -> Taken | None:
        """A place and the rates, where nobody has to wait for either; None: they are to be waited for."""
        if not queue.enter_at_once(call):
            return None
        taken = self.limits.take_at_once(target, call)
        if taken is None:
            queue.withdraw(call)
        return taken

    async def _wait(self, queue: Queue, target: Target, chain: Chain, state: State) -> Taken:
        self.breaker.check(target.label)  # now rather than after a wait for a place
        call = state.call
        if chain.another:
            call = structs.replace(call, deadline=time.monotonic() + chain.patience(WAITING_SHARE))
        async with self.limits.turn(target, call) as turn:
            if waited := await queue.enter(call):
                state.trace.add(f"waited {waited * 1000:.0f} ms for a place")
            try:
                taken = await self.limits.take(target, call, turn)
            except BaseException:
                queue.withdraw(call)
                raise
        if taken.waited:
            state.trace.add(taken.waited)
        return taken

    async def _fund(self, target: Target, state: State) -> tuple[ModelRequest, Reserved | None]:
        """The request as it is sent, and the money set aside for it."""
        call, given = state.call, state.call.request
        if given.native is not None and not target.provider.takes(given.native):
            given = given.opened()
        budgets = self.budgets.of(call, target)
        allowance, reserved, capped = call.allowance, None, False
        if (allowance is not None or budgets) and target.provider.kind != "builtin":
            bound = allowance is not None and allowance.strict
            strict, kept = bound or budgets.strict, bound or budgets.kept
            self._require_priced(target, given, strict=kept)
            rough = worst_case(self.registry, target, given, strict=strict, exact=False)
            reserved = self._at_hand(rough, target, budgets, call)
            if reserved is None:
                reserved = await self._reserve(rough, target, given, budgets, call, strict=strict)
            state.trace.add(f"reserved {reserved.amount} nanodollars")
            capped = kept and reserved.amount > 0
        return structs.replace(
            given,
            model=target.model,
            max_tokens=given.max_tokens or target.max_tokens or (DEFAULT_MAX_TOKENS if capped else None),
            temperature=target.temperature if given.temperature is None else given.temperature,
        ), reserved

    def _at_hand(
        self, rough: int, target: Target, budgets: tuple[Budget, ...], call: Call
    ) -> Reserved | None:
        """Set the rough worst case aside, where this process has plenty; None where it has to be asked for."""
        if not rough:
            return Reserved(0)
        allowance = call.allowance
        if allowance is not None and allowance.remaining < rough * PLENTY:
            return None
        draws = self.budgets.draw(budgets, rough, call, spare=PLENTY)
        if draws is None:
            return None
        if allowance is not None:
            allowance.reserve(rough, model=target.name)
        return Reserved(rough, draws, exact=False)

    async def _reserve(
        self,
        rough: int,
        target: Target,
        request: ModelRequest,
        budgets: tuple[Budget, ...],
        call: Call,
        *,
        strict: bool,
    ) -> Reserved:
        """Set the worst case aside: the rough one where there is plenty, else the one that is worked out exactly."""
        if self._plenty(rough, budgets, call):
            with suppress(BudgetExceeded):  # the exact one may fit
                return Reserved(rough, await self._set_aside(rough, target, budgets, call), exact=False)
        exact = worst_case(self.registry, target, request, strict=strict)
        return Reserved(exact, await self._set_aside(exact, target, budgets, call))

    async def _set_aside(
        self, amount: int, target: Target, budgets: tuple[Budget, ...], call: Call
    ) -> tuple[Draw, ...]:
        if call.allowance is not None:
            call.allowance.reserve(amount, model=target.name)
        try:
            return await self.budgets.reserve(budgets, amount, call)
        except BaseException:
            if call.allowance is not None:
                call.allowance.settle(amount, 0)
            raise

    def _require_priced(self, target: Target, request: ModelRequest, *, strict: bool) -> None:
        """Raise `Unsupported` for fields that may change what a token costs, where that is to be known."""
        unpriced = request.native.unpriced if request.native is not None else ()
        if not (unpriced and strict):
            return
        price = self.registry.price(target.provider.name, target.model)
        if price is None or not price.free:
            raise Unsupported(
                f"{', '.join(unpriced)}: what this costs is not known, and a budget is to be kept",
                hint="leave it out",
                provider=target.provider.name,
                model=target.model,
            )

    def _plenty(self, amount: int, budgets: tuple[Budget, ...], call: Call) -> bool:
        """Whether so much fits so often that nobody is refused for a bound that is too high."""
        amount *= PLENTY
        if call.allowance is not None and call.allowance.remaining < amount:
            return False
        return self.budgets.have(budgets, amount, call)

    def _take_back(self, call: Call, attempt: Attempt) -> None:
        """The attempt does not leave: what it would have used is there again."""
        if attempt.reserved is not None:
            if call.allowance is not None:
                call.allowance.settle(attempt.reserved.amount, 0)
            self.budgets.settle(attempt.reserved, 0)
        self.limits.give_back(attempt.target, attempt.taken)

    @staticmethod
    def _release(call: Call, attempt: Attempt, error: BaseException | None) -> None:
        """The attempt is over: the breaker sees how it ended, and its place is free."""
        if attempt.passing is not None:
            attempt.passing.ended(error)
        attempt.queue.leave(call, time.monotonic() - attempt.entered)
