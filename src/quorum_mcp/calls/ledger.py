"""What is written down of calls: every attempt before it leaves and when it ends, every call once.

Most calls end with their first attempt: then the call's record is the attempt's, too.

Lines go to the journal first, which survives the death of the process; the database follows in batches.
"""

import asyncio
import time

from quorum_mcp.answers import Answer
from quorum_mcp.calls.record import Attempt, Bill, State
from quorum_mcp.errors import QuorumError
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord, CallStatus, Draw
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.journal import Journal


class Ledger:
    """Writes records of calls to the journal. Prompts and answers are not in them: a run's events hold its text."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def sent(self, state: State, attempt: Attempt) -> None:
        """Write that an attempt is about to leave. Raises `StoreUnavailable`: then it must not."""
        attempt.began_us = now_us()
        self._journal.sent(
            AttemptRecord(
                id=attempt.id,
                call_id=state.id,
                n=attempt.n,
                provider=attempt.target.provider.name,
                model=attempt.target.model,
                started_at=attempt.began_us,
                cost=attempt.reserved.amount if attempt.reserved else None,
                draws=attempt.reserved.draws if attempt.reserved else (),
            ),
            _begun(state, attempt),
        )
        state.attempts += 1

    def done(
        self,
        state: State,
        attempt: Attempt,
        answer: Answer | None,
        settled: Bill,
        error: BaseException | None,
    ) -> None:
        """Write how an attempt ended; where the call has its result, its record goes along, or stands for both."""
        usage, target = settled.usage, attempt.target
        state.last, state.bill, state.answer = target, settled, answer
        first = attempt.first_token
        state.since = None if first is None else attempt.began - state.began + first
        draws = attempt.reserved.draws if attempt.reserved else ()
        state.recorded = state.result is not None
        if state.recorded and attempt.n == 1:
            self._journal.called(_ended(state, target, settled, alone=True, draws=draws))
            return
        record = AttemptRecord(
            id=attempt.id,
            call_id=state.id,
            n=attempt.n,
            provider=target.provider.name,
            model=target.model,
            started_at=attempt.began_us,
            status=_status(error),
            error_code=error.code if isinstance(error, QuorumError) else None,
            input_tokens=usage.input,
            output_tokens=usage.output,
            estimated=settled.estimated,
            cost=settled.cost,
            draws=draws,
            finished_at=now_us(),
        )
        self._journal.done(record, _ended(state, target, settled) if state.recorded else None)

    def finish(self, state: State) -> None:
        """Write the call itself, once, when all its attempts are over. A call without attempts leaves no row."""
        if state.recorded or state.last is None or state.bill is None:
            return
        self._journal.called(_ended(state, state.last, state.bill))


def _begun(state: State, attempt: Attempt) -> CallRecord:
    call, target = state.call, attempt.target
    return CallRecord(
        id=state.id,
        tenant=call.tenant,
        provider=target.provider.name,
        model=target.model,
        created_at=state.began_us,
        run_id=call.run_id,
        role=call.role,
        surface=call.surface,
        simulated=state.simulated(target),
        key_id=call.key.id if call.key else None,
        tags=call.tags,
    )


def _ended(
    state: State, target: Target, settled: Bill, *, alone: bool = False, draws: tuple[Draw, ...] = ()
) -> CallRecord:
    call, usage = state.call, settled.usage
    error = state.error if state.result is None else None
    return CallRecord(
        id=state.id,
        tenant=call.tenant,
        provider=target.provider.name,
        model=target.model,
        created_at=state.began_us,
        run_id=call.run_id,
        role=call.role,
        surface=call.surface,
        simulated=state.simulated(target),
        key_id=call.key.id if call.key else None,
        tags=call.tags,
        status="ok" if state.result is not None else "error" if error is not None else "cancelled",
        stop=state.answer.stop if state.answer else None,
        error_code=error.code if error else None,
        error_message=error.message[:2000] if error else None,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        reasoning_tokens=usage.reasoning,
        estimated=settled.estimated,
        cost=None if settled.cost is None else state.spent,
        price_source=settled.source,
        latency_ms=round((time.monotonic() - state.began) * 1000),
        first_token_ms=None if state.since is None else round(state.since * 1000),
        attempts=state.attempts,
        trace=tuple(state.trace.lines),
        finished_at=now_us(),
        alone=alone,
        draws=draws,
    )


def _status(error: BaseException | None) -> CallStatus:
    if error is None:
        return "ok"
    return "cancelled" if isinstance(error, (asyncio.CancelledError, GeneratorExit)) else "error"
