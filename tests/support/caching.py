"""Caches on both backends, and calls to ask them about."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tools.redis import Server

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.cache import Cache
from quorum_mcp.calls.call import Call
from quorum_mcp.config.settings import CacheSettings
from quorum_mcp.ids import new_id
from quorum_mcp.messages import ModelRequest, Text, message
from quorum_mcp.providers.base import Kind
from quorum_mcp.providers.registry import Target
from quorum_mcp.store.shared_state import SharedState


class Named:
    """What the cache looks at of a provider."""

    def __init__(
        self, name: str = "lab", kind: Kind = "remote", base_url: str = "http://127.0.0.1:1/v1"
    ) -> None:
        self.name = name
        self.kind: Kind = kind
        self.base_url = base_url


def target(model: str = "alpha", *, temperature: float | None = None, max_tokens: int | None = None, **provider: Any) -> Target:  # fmt: skip
    """A model of a provider that nobody asks."""
    return Target(Named(**provider), model, max_tokens, temperature)  # type: ignore[arg-type] - only named


def call(
    text: str = "2+2?",
    temperature: float | None = 0.2,
    *,
    request: ModelRequest | None = None,
    seconds: float = 30.0,
    **more: Any,
) -> Call:
    """A call of `lab/alpha` that may be kept."""
    asked = request or ModelRequest("", (message("user", text),), temperature=temperature)
    return Call(model="lab/alpha", request=asked, deadline=time.monotonic() + seconds, **more)


def answer(text: str = "4", **more: Any) -> Answer:
    """A complete answer."""
    return Answer((Text(text),), more.pop("stop", "stop"), Usage(1, 1), "alpha", **more)


@asynccontextmanager
async def cache_on(server: Server | None, **settings: Any) -> AsyncIterator[Cache]:
    """An empty cache in memory, or in a part of its own of a Redis."""
    if server is None:
        yield Cache(CacheSettings(**settings))
        return
    shared = await SharedState.connect(server.url, namespace=new_id("ns"))
    cache = Cache(CacheSettings(backend="redis", **settings), shared)
    try:
        yield cache
    finally:
        await cache.close()
        await shared.close()


async def until(true: Callable[[], object]) -> None:
    """Wait, for at most ten seconds, until `true()` is."""
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come true in ten seconds")


async def written(cache: Cache) -> None:
    """Wait until what was kept can be had by others."""
    await until(lambda: not cache.under_way)


async def ask(cache: Cache, given: Call, at: Target, said: Answer) -> Answer | None:
    """What the pipeline does with a call: the kept answer, or (None) `said`, which is kept if it may be."""
    lookup = await cache.lookup(given, at)
    try:
        if lookup.answer is None:
            lookup.keep(said)
        return lookup.answer
    finally:
        lookup.close(failed=False)
