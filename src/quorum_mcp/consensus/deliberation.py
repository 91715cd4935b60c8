"""One deliberation under way: the plan, the clock, the money, and the one way to ask a model."""

import asyncio
import re
import time
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import structs

from quorum_mcp import money
from quorum_mcp.access.principal import KeyRule
from quorum_mcp.answers import TextDelta
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.call import Call, Restart, Result
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.consensus.plan import Plan
from quorum_mcp.consensus.reading.conclusions import find
from quorum_mcp.consensus.reply import Reply, Role
from quorum_mcp.errors import BadProviderAnswer, Cancelled, ContentFiltered, ProviderTimeout, QuorumError
from quorum_mcp.messages import Message, ModelRequest
from quorum_mcp.providers.builtin import is_abstention
from quorum_mcp.runs.context import RunContext

LAST_SECONDS = 0.3  # of a run are kept back for writing its result
_READABLE = re.compile(r"\w")
_GARBAGE = re.compile("[\x00\ufffd]")


class Deliberation:
    """The state of one turn: `replies` holds every call's outcome in the order of their ends."""

    def __init__(self, run: RunContext, calls: Calls, plan: Plan, key: KeyRule | None = None) -> None:
        self.run = run
        self.plan = plan
        self.replies: list[Reply] = []
        self.warnings: list[str] = list(plan.warnings)
        self.degraded = False
        self.lost = 0
        self._calls = calls
        self._key = key
        self._allowance = None if plan.max_cost is None else Allowance(plan.max_cost, strict=plan.strict_cost)
        self._open: dict[str, asyncio.Task[Result]] = {}
        self._troubles: dict[str, QuorumError] = {}
        self._given_up: set[str] = set()
        self._stopped: set[str] = set()
        self._members: dict[str, str] = {}
        self._bills: dict[str, tuple[str, int | None]] = {}
        self.on_trouble = asyncio.Event()
        run.stop_part = self.stop_seat

    def at(self, share: float) -> float:
        """The moment (monotonic) when `share` of the run's whole time is over, less the rest for the result."""
        whole = self.run.deadline - self.run.began - LAST_SECONDS
        return self.run.began + max(whole, 0.0) * share

    def key(self, role: Role, round_: int, who: str) -> str:
        """The name of a call in the log: the same in every life of the run."""
        return f"t{self.run.turn}.r{round_}.{role}.{who}"

    def degrade(self, warning: str) -> None:
        """Note that a part of the deliberation did not work as planned."""
        self.degraded = True
        self._warn(warning)

    def simulates(self, model: str) -> bool:
        """Whether a judge or writer is a simulation."""
        return model in self.plan.simulated_models

    def stop_seat(self, seat: str) -> bool:
        """Give up the open calls of a seat, named by its number or its member name."""
        members = {seat, *(s.member for s in self.plan.seats if str(s.index) == seat)}
        keys = [key for key, member in self._members.items() if member in members and key in self._open]
        for key in keys:
            self._stopped.add(key)
            self.give_up(key)
        return bool(keys)

    def give_up(self, key: str) -> None:
        """Stop waiting for a call: it ends as a failed reply that shows what went wrong so far."""
        if task := self._open.get(key):
            self._given_up.add(key)
            task.cancel()

    def troubled(self, key: str) -> bool:
        """Whether an attempt of the open call has failed already (and is being retried)."""
        return key in self._troubles

    async def ask(self, base: Reply, model: str, messages: tuple[Message, ...], deadline: float) -> Reply:
        """Make the call that `base` describes, or take it from the log; a failure comes back as a failed reply."""
        if (past := self.run.finished(base.key)) is not None:
            reply = msgspec.convert(past, Reply)
            self._already(reply.nanos or 0)
            return self._keep(reply)
        began = time.monotonic()
        call = Call(
            model=model,
            request=self._request(base, messages),
            deadline=min(deadline, self.run.deadline - LAST_SECONDS / 2),
            tenant=self.run.tenant,
            run_id=self.run.run_id,
            role=base.role,
            surface="consensus",
            tags=self.plan.tags,
            allowance=self._allowance,
            key=self._key,
            priority=int(base.seat is None),  # judges and writers end a run, which frees all that it holds
            fallback=False,  # a seat is its model: another one's answer in its name would be a second vote
            on_trouble=lambda error: self._trouble(base.key, error),
            on_bill=lambda call_id, nanos: self._bill(base.key, call_id, nanos),
        )
        self.run.note("call.started", _named(base))
        self._members[base.key] = base.member
        task = self._open[base.key] = asyncio.create_task(self._stream(call, base))
        try:
            reply = _read(base, await task, self.plan)
        except QuorumError as error:
            reply = self._failed(base, error, began)
        except asyncio.CancelledError:
            if base.key not in self._given_up:
                raise
            reply = self._failed(base, self._why(base, began), began)
        finally:
            self._open.pop(base.key, None)
        data = msgspec.to_builtins(reply)
        await self.run.emit("call.finished" if reply.ok else "call.failed", data)
        return self._keep(reply)

    def _why(self, base: Reply, began: float) -> QuorumError:
        """Why a call was given up: somebody stopped it, it was failing, or it was silent."""
        if base.key in self._stopped:
            return Cancelled("stopped by the caller", provider=base.provider, model=base.model)
        return self._troubles.get(base.key) or _silent(base, began)

    def _request(self, base: Reply, messages: tuple[Message, ...]) -> ModelRequest:
        seat = None if base.seat is None else self.plan.seats[base.seat]
        cap, warmth = self.plan.max_tokens, self.plan.temperature
        return ModelRequest(
            "",
            messages,
            max_tokens=seat.max_tokens if cap is None and seat else cap,
            temperature=seat.temperature if warmth is None and seat else warmth,
            searches=self.plan.searches if seat else 0,
        )

    def _keep(self, reply: Reply) -> Reply:
        self.replies.append(reply)
        self.run.totals.calls += 1
        self.run.totals.simulated = self.run.totals.simulated or reply.simulated
        self.degraded = self.degraded or not reply.ok
        self._warn(*reply.warnings)
        if reply.simulated and not self.plan.simulated:
            self._warn(f"simulated: {reply.provider} says that its models are scripted, not language models")
        return reply

    def take_up(self, lost: int) -> None:
        """Go on with a run whose earlier owner had calls open when it ended: they cost `lost` nanodollars."""
        self.lost = lost
        self._already(lost)

    def _already(self, nanos: int) -> None:
        """Count what an earlier owner of this run has spent on it."""
        self.run.totals.nanos += nanos
        if self._allowance is not None:
            self._allowance.already(nanos)

    def _warn(self, *warnings: str) -> None:
        self.warnings.extend(warning for warning in warnings if warning not in self.warnings)

    def _bill(self, key: str, call_id: str, nanos: int | None) -> None:
        """An attempt was billed: it counts, whatever becomes of its call."""
        before = self._bills.get(key, (call_id, 0))[1]
        self._bills[key] = (call_id, None if nanos is None or before is None else before + nanos)
        self.run.totals.nanos += nanos or 0

    def _failed(self, base: Reply, error: QuorumError, began: float) -> Reply:
        call_id, nanos = self._bills.get(base.key, (None, 0))
        return structs.replace(
            base,
            error=error.to_dict(),
            latency=time.monotonic() - began,
            simulated=base.simulated or bool(error.details.get("simulated")),
            call_id=call_id,
            nanos=nanos,
            cost=None if nanos is None else money.to_usd(nanos),
        )

    def _trouble(self, key: str, error: QuorumError) -> None:
        self._troubles[key] = error
        self.on_trouble.set()

    async def _stream(self, call: Call, base: Reply) -> Result:
        log, named = self.run.log, _named(base)
        kind = "synthesis.delta" if base.role == "synthesizer" else "call.delta"
        async with aclosing(self._calls.stream(call, restartable=True)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return item
                if isinstance(item, Restart):
                    log.forget(base.key)
                elif isinstance(item, TextDelta):
                    log.delta(base.key, item.text, named, kind)
        raise BadProviderAnswer("the answer ended without its end", model=base.model)


def _named(base: Reply) -> dict[str, Any]:
    return {
        "key": base.key,
        "seat": base.seat,
        "member": base.member,
        "provider": base.provider,
        "model": base.model,
        "round": base.round,
        "role": base.role,
        "simulated": base.simulated,
    }


def _read(base: Reply, result: Result, plan: Plan) -> Reply:
    """The reply of a finished call. Raises when there is nothing in it that can be read."""
    text = result.answer.text
    if not text.strip():
        if result.answer.stop == "content_filter":
            raise ContentFiltered(
                "the provider's filter withheld the answer", provider=base.provider, model=base.model
            )
        hint = "raise max_tokens" if result.answer.stop == "length" else "ask again, or leave this model out"
        raise BadProviderAnswer(f"the answer is empty (stop: {result.answer.stop})", hint=hint,
                                provider=base.provider, model=base.model)  # fmt: skip
    if _GARBAGE.search(text) and not _READABLE.search(text):
        raise BadProviderAnswer(
            "the answer is not readable text",
            hint="leave this model out",
            provider=base.provider,
            model=base.model,
        )
    abstained = base.provider == "builtin" and is_abstention(text)
    return structs.replace(
        base,
        status="ok",
        text=text,
        reasoning=result.answer.reasoning,
        abstained=abstained,
        conclusion=None
        if abstained
        else find(text, question=plan.question, answer_format=plan.answer_format),
        input_tokens=result.answer.usage.input,
        output_tokens=result.answer.usage.output,
        nanos=result.cost,
        cost=None if result.cost is None else money.to_usd(result.cost),
        latency=result.latency,
        simulated=result.simulated,
        call_id=result.id,
        warnings=result.warnings,
        citations=result.answer.citations,
    )


def _silent(base: Reply, began: float) -> QuorumError:
    return ProviderTimeout(
        f"no answer in {time.monotonic() - began:.1f} s; the run went on without it",
        hint="allow more time: timeout_seconds",
        provider=base.provider,
        model=base.model,
    )
