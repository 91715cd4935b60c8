"""What all controls of a call cost together: a provider that answers at once, in process, no sockets.

Prints CPU microseconds a call, control by control: first the provider alone, then the pipeline with everything
switched off, then with each control put back, then with what is done before it. Each figure is the least disturbed
of the repeats. Judge by ratios: the machine's own speed is in every figure.

    ./dev bench controls [--calls 1000] [--repeats 9] [--profile json|stream]
"""

import argparse
import asyncio
import cProfile
import gc
import itertools
import pstats
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
import yaml

from harness import row
from quorum_mcp import codec
from quorum_mcp.access.authenticate import Authenticator
from quorum_mcp.access.keys import Keys
from quorum_mcp.answers import Answer, Delta, TextDelta, Usage
from quorum_mcp.api.openai.chat import ChatCompletions
from quorum_mcp.app import running
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.call import Call, Result
from quorum_mcp.calls.limits.limit import NOTHING
from quorum_mcp.calls.metrics import CallMetrics
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.messages import ModelRequest, Native, Text, message
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.journal import Journal

BAR = {"json": 30.0, "stream": 100.0}
EVENTS = {"json": 0, "stream": 50}
PROMPT = "You are a careful assistant. " * 6 + "What is the capital of the country in which the Danube rises?"
WORDS = tuple(f"word{number} " for number in range(50))
GENEROUS = {"requests_per_minute": 10**9, "tokens_per_minute": 10**9, "concurrency": 64}
SETTINGS = {
    "providers": {
        "lab": {
            "wire": "openai", "base_url": "http://127.0.0.1:9/v1", "models": ["a"], "limits": GENEROUS,
            "price": {"input_per_million": 0.5, "output_per_million": 1.5},
        }
    },
    "budgets": [{"period": "daily", "limit": 1_000_000.0}, {"period": "monthly", "limit": 1_000_000.0, "provider": "lab"}],
}  # fmt: skip


NUMBERS = itertools.count()


class Instant:
    """A provider whose answers are there at once, after `deltas` pieces."""

    name = "lab"
    kind = "remote"

    def __init__(self, deltas: int) -> None:
        self._deltas = tuple(TextDelta(word) for word in WORDS[:deltas])
        self._answer = Answer((Text("".join(WORDS)),), "stop", Usage(input=60, output=100), "a")

    def takes(self, native: Native) -> bool:
        del native
        return True

    async def complete(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        del request, timeouts
        return self._answer

    async def stream(self, request: ModelRequest, timeouts: Timeouts) -> AsyncGenerator[Delta | Answer, None]:
        del request, timeouts
        for delta in self._deltas:
            yield delta
        yield self._answer

    async def models(self, timeouts: Timeouts) -> tuple[()]:
        """For the probes of health."""
        del timeouts
        return ()

    async def close(self) -> None:
        """Nothing to close."""


class Off:
    """In the place of a control that is switched off: whatever it is asked, it does nothing."""

    def __init__(self) -> None:
        self.reserve, self.of, self.draw = _nothing_drawn, _none, _none
        self.take_at_once = _taken

    def __getattr__(self, name: str) -> Callable[..., None]:
        setattr(self, name, _nothing)
        return _nothing


def _nothing(*_: object) -> None: ...
def _none(*_: object, **__: object) -> tuple[()]:
    return ()


def _taken(*_: object) -> object:
    return NOTHING


async def _nothing_drawn(*_: object) -> tuple[()]:
    return ()


@asynccontextmanager
async def wired(deltas: int) -> AsyncGenerator[Services, None]:
    """Everything as a server has it, with the instant provider in the place of `lab`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "quorum.yaml"
        file.write_text(yaml.safe_dump(SETTINGS))
        env = {"HOME": folder, "QUORUM_HOME": folder, "OLLAMA_ENABLE": "false", "LOG_LEVEL": "ERROR"}
        async with running(load(config=file, env=env, cwd=Path(folder))) as services:
            services.get(Registry).register(Instant(deltas), model="a", models=("a",))  # type: ignore[arg-type]  # what calls need of it
            yield services


Step = Callable[[int], Awaitable[None]]


def called(calls: Calls, *, controls: bool, whole: bool) -> Step:
    """One call through the pipeline; `number` makes each prompt another one, so that the cache never has it."""

    async def step(number: int) -> None:
        call = Call(
            model="lab/a",
            request=ModelRequest(
                "", (message("user", f"{PROMPT} {number}"),), max_tokens=200, temperature=0.0
            ),
            deadline=time.monotonic() + 60,
            allowance=Allowance(10**9) if controls else None,
            surface="openai",
            tags=("team:a",) if controls else (),
            cache=controls,
        )
        await made(calls, call, whole=whole)

    return step


async def made(calls: Calls, call: Call, *, whole: bool) -> None:
    """Make the call."""
    if whole:
        await calls.run(call)
        return
    async for item in calls.stream(call):
        if isinstance(item, Result):
            pass


async def received(services: Services, *, whole: bool) -> Step:
    """The same, from a request's headers and body on: its key is checked, its JSON read."""
    keys, calls, dialect = services.get(Keys), services.get(Calls), ChatCompletions()
    _, key = await keys.create("local", "bench", scopes=frozenset({"ask"}), requests_per_minute=10**9)
    authenticator = Authenticator(services.get(Settings), loopback_bind=True, keys=lambda: keys)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    async def step(number: int) -> None:
        prompt = codec.encode_text(f"{PROMPT} {number}").encode()
        body = (
            b'{"model":"lab/a","max_tokens":200,"temperature":0,"messages":[{"role":"user","content":%b}]}'
            % prompt
        )
        principal = await authenticator.authenticate(headers, "127.0.0.1")
        asked = dialect.read(body, {})
        call = Call(
            model=asked.model,
            request=asked.request,
            deadline=time.monotonic() + 60,
            tenant=principal.tenant,
            allowance=Allowance(10**9),
            surface="openai",
            key=principal.key,
            tags=("team:a",),
        )
        await made(calls, call, whole=whole)

    return step


def bare(deltas: int) -> Step:
    """The provider alone."""
    provider = Instant(deltas)

    async def step(number: int) -> None:
        request = ModelRequest("a", (message("user", f"{PROMPT} {number}"),), max_tokens=200, temperature=0.0)
        if not deltas:
            await provider.complete(request, Timeouts())
            return
        async for _ in provider.stream(request, Timeouts()):
            pass

    return step


async def measured(step: Step, journal: Journal, calls: int, repeats: int) -> tuple[float, float]:
    """Microseconds a call, least of the repeats: the event loop's thread, and the process with its writer thread."""
    loop, whole = [], []
    for _ in range(repeats):
        gc.collect()
        thread, process = time.thread_time(), time.process_time()
        for _ in range(calls):
            number = next(NUMBERS)
            await step(number)
            if number % 16 == 0:
                await asyncio.sleep(0)
        loop.append((time.thread_time() - thread) / calls * 1e6)
        await journal.flush()
        whole.append((time.process_time() - process) / calls * 1e6)
    return min(loop), min(whole)


async def ladder(kind: str, calls: int, repeats: int) -> float:
    """Print the ladder; returns microseconds of the last rung."""
    print(f"\n{kind}: {EVENTS[kind]} deltas, then the answer\n")
    row("controls", "loop us", "+", "process us")
    row("---", "---:", "---:", "---:")
    async with wired(EVENTS[kind]) as services:
        journal, real = services.get(Journal), services.get(Calls)
        desk, off, whole = real.admission, Off(), not EVENTS[kind]
        on = {name: getattr(desk, name) for name in ("ledger", "limits", "budgets", "watchers")}

        def put(name: str, part: object) -> None:
            setattr(desk, name, part)
            setattr(real, name, part)

        for name in on:
            put(name, () if name == "watchers" else off)
        rungs: list[tuple[str, Callable[[], object], bool]] = [
            ("pipeline, breaker, queue", lambda: None, False),
            ("+ cache key, miss and keep, allowance", lambda: None, True),
            ("+ rates of requests and tokens", lambda: put("limits", on["limits"]), True),
            ("+ budgets", lambda: put("budgets", on["budgets"]), True),
            ("+ journal and record", lambda: put("ledger", on["ledger"]), True),
            ("+ metrics and watchers", lambda: put("watchers", on["watchers"]), True),
        ]
        last, process = await measured(bare(EVENTS[kind]), journal, calls, repeats)
        first = last
        row("provider alone", last, 0.0, process)
        for name, switch, controls in rungs:
            switch()
            step = called(real, controls=controls, whole=whole)
            cost, process = await measured(step, journal, calls, repeats)
            row(name, cost, cost - last, process)
            last = cost
        cost, process = await measured(await received(services, whole=whole), journal, calls, repeats)
        row("+ key check and its own rate, decoding", cost, cost - last, process)
        last = cost
    print(f"\nall controls: {last - first:.1f} us over the provider alone (bar: {BAR[kind]:g} us)")
    return last


async def counting() -> None:
    """Print what the metrics of a call cost by themselves."""
    seen: list[tuple[Any, ...]] = []

    class Seen:
        def attempted(self, *told: object) -> None:
            seen.append(told)

        def finished(self, *told: object) -> None:
            seen.append(told)

    async with wired(0) as services:
        calls = services.get(Calls)
        calls.watchers = calls.admission.watchers = (*calls.watchers, Seen())
        await called(calls, controls=True, whole=True)(0)
        metrics = next(one for one in calls.watchers if isinstance(one, CallMetrics))
        (attempt, bill, error), (state,) = seen
        costs: list[float] = []
        for _ in range(9):
            began = time.thread_time()
            for _ in range(5000):
                metrics.attempted(attempt, bill, error)
                metrics.finished(state)
            costs.append((time.thread_time() - began) / 5000 * 1e6)
    print(f"\nmetrics of a call by themselves: {min(costs):.2f} us (bar: 3 us)")


async def profiled(kind: str, calls: int) -> None:
    """Where the time goes, the whole pipeline with all controls."""
    async with wired(EVENTS[kind]) as services:
        step = await received(services, whole=not EVENTS[kind])
        for number in range(200):
            await step(number)
        profile = cProfile.Profile(time.thread_time)
        profile.enable()
        for number in range(calls):
            await step(number + 1000)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--profile", choices=list(BAR))
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if given.profile:
            runner.run(profiled(given.profile, given.calls))
            return
        for kind in BAR:
            runner.run(ladder(kind, given.calls, given.repeats))
        runner.run(counting())


if __name__ == "__main__":
    main()
