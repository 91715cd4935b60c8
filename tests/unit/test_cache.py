"""Kept answers, in memory and in Redis: exact, bounded, of one tenant, forgotten when told to."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from msgspec import structs
from tests.support.caching import answer, ask, cache_on, call, target, until, written
from tests.support.near import near_duplicates, said
from tools.redis import Server, server

from quorum_mcp.answers import Answer, ProviderLimits, ReasoningDelta, TextDelta, Usage
from quorum_mcp.calls.cache import Cache, replay
from quorum_mcp.calls.cache.memory import Memory
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.messages import Reasoning, Text, ToolUse
from quorum_mcp.store import shared_state

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
AT = target()
REDIS = pytest.param("redis", marks=pytest.mark.needs("redis"))


@pytest.fixture(scope="module")
def redis() -> Iterator[Server]:
    with server() as own:
        yield own


@pytest.fixture(params=["memory", REDIS])
def where(request: pytest.FixtureRequest) -> Server | None:
    return request.getfixturevalue("redis") if request.param == "redis" else None


@pytest.fixture
async def cache(where: Server | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cache]:
    monkeypatch.setattr(shared_state, "TIMEOUT", 5.0)  # what Redis does while it is away is no matter here
    async with cache_on(where) as made:
        yield made


async def kept(cache: Cache, text: str = "2+2?", *, model: str = "alpha", provider: str = "lab", tenant: str = "local") -> None:  # fmt: skip
    """Keep an answer to `text`, which was not there before."""
    assert await ask(cache, call(text, tenant=tenant), target(model, name=provider), answer()) is None
    await written(cache)


async def test_the_exact_repeat_is_a_hit(cache: Cache) -> None:
    said = Answer(
        (Reasoning("Hm.", "sig"), Text("4 🐈")),
        "stop",
        Usage(7, 3, reasoning=1),
        "alpha-1",
        "id",
        simulated=True,
    )
    told = structs.replace(said, limits=ProviderLimits(time.monotonic(), requests_left=1))
    assert await ask(cache, call(), AT, told) is None
    assert await ask(cache, call(), AT, answer("5")) == said  # what was left of limits then means nothing now
    assert list(replay(said)) == [ReasoningDelta("Hm."), TextDelta("4 🐈")]
    assert (cache.stats().hits, cache.stats().misses, cache.stats().hit_rate) == (1, 1, 0.5)


async def test_a_near_duplicate_is_none(cache: Cache) -> None:
    """No answer but the request's own, over many requests that differ in next to nothing."""
    seen: set[str] = set()
    hits = wrong = 0
    requests = list(near_duplicates(10_000))
    for at in range(0, len(requests), 50):
        page = requests[at : at + 50]
        own = [said(given, model) for given, model in page]
        found = await asyncio.gather(
            *(ask(cache, *one, answer(text)) for one, text in zip(page, own, strict=True))
        )
        for text, got in zip(own, found, strict=True):
            hits += got is not None
            wrong += got is not None and (got.text != text or text not in seen and own.count(text) < 2)
        seen.update(own)
    assert wrong == 0
    assert hits > len(requests) / 20  # exact repeats are among them, and are found
    assert len(seen) > len(requests) / 3


async def test_only_whole_answers_are_kept(cache: Cache) -> None:
    for n, cut in enumerate(
        (
            answer(stop="length"),
            answer(stop="content_filter"),
            answer(""),
            Answer((Text("x"), ToolUse("i", "n", "{}")), "stop", Usage(), "alpha"),
            answer("\ud83d"),
        )
    ):
        assert await ask(cache, call(str(n)), AT, cut) is None
        assert await ask(cache, call(str(n)), AT, answer()) is None
        assert await ask(cache, call(str(n)), AT, cut) == answer()


async def test_tenants_have_only_their_own(cache: Cache) -> None:
    await kept(cache, tenant="a")
    await kept(cache, tenant="b")
    assert (await cache.stored("a")).entries == 1
    assert (await cache.stored()).entries == 2
    assert await cache.remove("a") == 1
    assert await ask(cache, call(tenant="b"), AT, answer("5")) == answer()
    assert await ask(cache, call(tenant="a"), AT, answer("5")) is None
    assert (cache.stats("a").hits, cache.stats("b").hits) == (0, 1)
    assert cache.stats("c").hit_rate is None


async def test_forgetting_by_provider_model_and_key(cache: Cache) -> None:
    for provider, model in (
        ("lab", "alpha"),
        ("lab", "alpha:8b"),
        ("lab", "beta"),
        ("den", "alpha"),
        ("a*", "b?"),
    ):
        await kept(cache, provider=provider, model=model)
    lookup = await cache.lookup(call(), target("beta"))
    assert lookup.key is not None
    assert await cache.remove(None, provider="den", model="beta") == 0
    assert await cache.remove("other", provider="lab") == 0
    assert await cache.remove("local", key=lookup.key.removeprefix("local:")) == 1
    assert await cache.remove(None, model="lab/alpha") == 1
    assert await cache.remove("local", provider="lab") == 1
    assert await cache.remove(None, provider="a", model="b?") == 0
    assert await cache.remove(None, model="alpha") == 1
    assert await cache.remove(None) == 1
    assert (await cache.stored()).entries == 0
    assert await ask(cache, call(), AT, answer("5")) is None


async def test_old_answers_are_not_given(where: Server | None) -> None:
    async with cache_on(where, ttl_seconds=0.15) as cache:
        await kept(cache)
        assert (await cache.stored()).entries == 1
        await asyncio.sleep(0.3)
        assert (await cache.stored()).entries == 0
        assert await ask(cache, call(), AT, answer("5")) is None


async def test_memory_is_bounded_and_the_longest_unused_goes_first() -> None:
    async with cache_on(None, max_entries=3) as cache:
        for text in "abc":
            await kept(cache, text)
        assert await ask(cache, call("a"), AT, answer()) is not None
        await kept(cache, "d")
        assert await ask(cache, call("a"), AT, answer()) is not None
        assert await ask(cache, call("b"), AT, answer()) is None
    async with cache_on(None, max_bytes=10_000) as cache:
        for n in range(100):
            await ask(cache, call(str(n)), AT, answer("x" * (n * 30)))
        stored = await cache.stored()
        assert stored.entries
        assert stored.size is not None
        assert 5_000 < stored.size <= 10_000
        assert await ask(cache, call("40"), AT, answer()) is None  # too large to be kept at all


async def test_what_memory_counts_is_what_it_holds() -> None:
    memory = Memory(60, 1_000, 1_000_000)
    for n in range(50):
        memory.put(f"k{n % 7}", b"x" * n, lambda: None)
    stored = await memory.stored("")
    assert stored.size == memory.used == sum(300 + 2 + n for n in range(43, 50))
    assert await memory.remove("k1", lambda key: True) == 1
    assert (await memory.stored("")).entries == 6


@pytest.mark.needs("redis")
async def test_processes_share_what_is_in_redis(redis: Server) -> None:
    async with cache_on(redis) as one:
        await kept(one)
        two = Cache(one.settings, one.backend._state)  # type: ignore[attr-defined] - as another process has it
        assert await ask(two, call(), AT, answer("5")) == answer()
        assert await two.remove(None) == 1
        assert await ask(one, call(), AT, answer("5")) is None


@pytest.mark.needs("redis")
async def test_without_redis_nothing_is_found_and_nobody_waits() -> None:
    with server() as own:
        async with cache_on(own) as cache:
            await kept(cache)
            own.signal(signal.SIGSTOP)  # it takes connections and says nothing
            began = time.monotonic()
            assert await ask(cache, call(), AT, answer("5")) is None
            assert time.monotonic() - began < 3
            began = time.monotonic()
            for n in range(200):
                assert await ask(cache, call(str(n)), AT, answer()) is None
            assert time.monotonic() - began < 2
            assert (await cache.stored()).entries is None
            with pytest.raises(StoreUnavailable):
                await cache.remove(None)
            own.signal(signal.SIGCONT)
            own.kill()
            own.start()  # with nothing of what it knew
            state = cache.backend._state  # type: ignore[attr-defined]
            await until(lambda: state.up)
            await kept(cache, "again")
            assert await ask(cache, call("again"), AT, answer("5")) == answer()


@pytest.mark.needs("redis")
async def test_what_cannot_be_read_is_a_miss(redis: Server) -> None:
    async with cache_on(redis) as cache:
        await kept(cache)
        state = cache.backend._state  # type: ignore[attr-defined]
        (name,) = await state.run(lambda client: client.keys(state.key("cache", "*")))
        await state.run(lambda client: client.set(name, b"\x81\xa1x\x01"))
        assert await ask(cache, call(), AT, answer("5")) is None
        await written(cache)
        assert await ask(cache, call(), AT, answer("6")) == answer("5")
