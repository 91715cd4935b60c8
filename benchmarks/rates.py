"""What the limiter costs: CPU microseconds for each call, in memory and on Redis, beside a bare control.

Run with `python benchmarks/rates.py`. In memory: user + system time of this process, median of 7 rounds of 20,000.
On Redis: of this process, and beside it of the server (a unix socket of this machine), median of 5 rounds of 1,000,
16 at a time. A take costs one round trip; corrections are gathered and sent together.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.needs import NEEDS, found
from tools.redis import Server, server

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.answers import Usage
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.limits import Limit, Limits
from quorum_mcp.calls.limits.memory import MemoryRates
from quorum_mcp.config.providers import LimitSettings, ProviderSettings, RateSettings
from quorum_mcp.config.settings import ServerSettings, Settings
from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.shared_state import Script, SharedState

MANY = 10**9
AT_ONCE = 16
USAGE = Usage(20, 30)
KEY = KeyRule(id="key_one", tenant="local", requests_per_minute=MANY, tokens_per_minute=MANY)
NOTHING = Script.of("return 1")
Work = Callable[[int], Awaitable[None]]


def settings() -> Settings:
    rates = RateSettings(requests_per_minute=MANY, tokens_per_minute=MANY)
    lab = ProviderSettings(
        wire="openai",
        base_url="http://127.0.0.1:9/v1",
        limits=LimitSettings(requests_per_minute=MANY, tokens_per_minute=MANY),
        model_limits={"b": rates},
    )
    return Settings(providers={"lab": lab}, server=ServerSettings(tenant_limits={"acme": rates}))


def call(key: KeyRule | None = None, tenant: str = "local", model: str = "a") -> Call:
    request = ModelRequest("", (message("user", "What is two and two? " * 5),))
    deadline = time.monotonic() + 9_000
    return Call(model=f"lab/{model}", request=request, deadline=deadline, key=key, tenant=tenant)


def calls(limits: Limits, registry: Registry, given: Call) -> Work:
    target = registry.resolve(given.model)

    async def work(times: int) -> None:
        for _ in range(times):
            async with limits.turn(target, given) as turn:
                taken = await limits.take(target, given, turn)
            limits.correct(target, taken, USAGE)

    return work


async def control(times: int) -> None:
    async def nothing() -> None:
        """What awaiting costs."""

    for _ in range(times):
        await nothing()


def bare_take() -> Work:
    rates, limit = MemoryRates(), [Limit("provider:lab", MANY, MANY)]

    async def work(times: int) -> None:
        take = rates.take_now
        for _ in range(times):
            take(limit, 40)

    return work


async def microseconds(
    work: Work, rounds: int, each: int, server: Server | None = None
) -> tuple[float, float]:
    """Median CPU microseconds of one, in this process and in the server."""
    await work(each // 10)
    own, theirs = list[float](), list[float]()
    for _ in range(rounds):
        began, there = time.process_time(), server.cpu_seconds() if server else 0.0
        await work(each)
        own.append((time.process_time() - began) / each * 1e6)
        theirs.append(((server.cpu_seconds() if server else 0.0) - there) / each * 1e6)
    return statistics.median(own), statistics.median(theirs)


async def memory(registry: Registry, given: Settings) -> None:
    limits = Limits(given, registry)
    for name, work in (
        ("control: awaiting a function that does nothing", control),
        ("two buckets taken", bare_take()),
        ("a call: estimate, take, correct; one limit", calls(limits, registry, call())),
        ("the same, limits of provider, model, tenant, key", calls(limits, registry, call(KEY, "acme", "b"))),
    ):
        own, _ = await microseconds(work, 7, 20_000)
        print(f"memory  {name:<50} {own:8.2f} µs")


async def redis(registry: Registry, given: Settings, at: Server) -> None:
    state = await SharedState.connect(at.url)
    limits = Limits(given, registry, state)

    async def script(times: int) -> None:
        for _ in range(times):
            await state.evaluate(NOTHING, [])

    def spread(work: Work) -> Work:
        async def together(times: int) -> None:
            await asyncio.gather(*(work(times // AT_ONCE) for _ in range(AT_ONCE)))

        return together

    for name, work in (
        ("control: a script that does nothing", script),
        ("a call: estimate, take, correct; one limit", calls(limits, registry, call())),
        ("the same, limits of provider, model, tenant, key", calls(limits, registry, call(KEY, "acme", "b"))),
    ):
        own, theirs = await microseconds(spread(work), 5, 1_600, at)
        print(f"redis   {name:<50} {own:8.1f} µs, {theirs:6.1f} µs in the server")
    await limits.close()
    await state.close()


async def main() -> None:
    given = settings()
    registry = Registry(given)
    await memory(registry, given)
    if found("redis") is None:
        print(f"redis   skipped: {NEEDS['redis'].hint}")
    else:
        with server() as at:
            await redis(registry, given, at)
    await registry.close()


if __name__ == "__main__":
    asyncio.run(main())
