"""How providers are judged, and when that is worth an alert: with a clock of the test's own."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.stores import Store, impatient

from quorum_mcp.calls.breaker import View
from quorum_mcp.calls.health import Verdict, Vitals, judge
from quorum_mcp.calls.health.monitor import HOLD_SECONDS, NEAR_SECONDS, Look, Monitor
from quorum_mcp.calls.health.vitals import WINDOW_SECONDS
from quorum_mcp.calls.record import Attempt
from quorum_mcp.calls.record import Bill as Billed
from quorum_mcp.errors import (
    BadProviderAnswer,
    ContentFiltered,
    DeadlineExceeded,
    ProviderRateLimited,
    ProviderUnavailable,
    QuorumError,
    StoreUnavailable,
)
from quorum_mcp.store.alerts import Outbox
from quorum_mcp.store.call_stats import ProviderStats

pytestmark = pytest.mark.anyio
DOWN = ProviderUnavailable("HTTP 503: the model said SECRET", details={"status": 503})
LAB = cast("Any", SimpleNamespace(provider=SimpleNamespace(name="lab"), name="lab/a"))


class World:
    """What a process saw of the provider `lab`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.vitals = Vitals(lambda: self.time)

    def calls(self, count: int, error: BaseException | None = None, seconds: float = 0.1) -> None:
        for _ in range(count):
            began = self.time - seconds
            attempt = Attempt(
                "att", 1, LAB, *cast("Any", (None, (), began, None)), began=began, first_token=seconds
            )
            self.vitals.attempted(attempt, cast("Billed", None), error)
            self.time += 0.1

    def verdict(self, circuits: tuple[View, ...] = (), stored: ProviderStats | None = None) -> Verdict:
        return judge(None, list(circuits), self.vitals.of("lab"), self.time, stored)


@pytest.fixture
def world() -> World:
    return World()


def test_what_lacks_something_is_unconfigured(world: World) -> None:
    assert judge("no key", [], world.vitals.of("lab"), 0.0) == Verdict("unconfigured", "no key")


@pytest.mark.parametrize(
    ("failed", "status"), [(0, "healthy"), (1, "healthy"), (3, "degraded"), (10, "unhealthy")]
)
def test_by_traffic(world: World, failed: int, status: str) -> None:
    world.calls(20 - failed)
    world.calls(failed, DOWN)
    assert world.verdict().status == status
    if failed > 1:
        assert world.verdict().reason == f"{failed} of the last 20 calls failed"
    world.time += WINDOW_SECONDS  # what was long ago says nothing
    assert world.verdict().status == "healthy"


@pytest.mark.parametrize("error", [ContentFiltered("no"), DeadlineExceeded("late"), asyncio.CancelledError()])
def test_what_was_asked_is_not_the_providers_fault(world: World, error: BaseException) -> None:
    world.calls(20, error)
    assert world.verdict() == Verdict("healthy")
    assert world.vitals.of("lab").last is None


def test_a_limit_is_not_an_outage(world: World) -> None:
    world.calls(10, ProviderRateLimited("slow down", details={"status": 429}))
    verdict = world.verdict()
    assert (verdict.status, verdict.reason) == ("degraded", "it limits us: 10 of the last 10 calls")


def test_slow_against_its_own_usual_speed(world: World) -> None:
    world.calls(40, seconds=0.5)
    assert world.verdict().status == "healthy"
    world.calls(10, seconds=1.6)  # more than three times, and more than a second more
    verdict = world.verdict()
    assert (verdict.status, verdict.cause) == ("degraded", "slow")
    assert verdict.reason == "slow: 1.6 s to the first token, 0.5 s usually"
    world.calls(10, seconds=0.5)
    assert world.verdict().status == "healthy"


def test_an_open_breaker(world: World) -> None:
    opened = View("a", "open", "5 failures in a row", 5.0)
    assert world.verdict((opened,)) == Verdict(
        "unhealthy", "a: 5 failures in a row; not asked for a while", "down"
    )
    world.calls(10)  # of another model
    assert world.verdict((opened,)).status == "degraded"


def test_probes_count_where_there_is_no_traffic(world: World) -> None:
    stored = ProviderStats(calls=10, failed=10, mean_latency_ms=None)
    assert world.verdict(stored=stored).status == "unhealthy"
    world.vitals.checked("lab", 0.1, None)
    assert world.verdict(stored=stored).status == "healthy"
    world.vitals.checked("lab", 0.1, DOWN)
    verdict = world.verdict()
    assert (verdict.status, verdict.reason) == (
        "unhealthy", "it does not list its models: provider_unavailable (HTTP 503)",
    )  # fmt: skip
    world.calls(5)
    assert world.verdict().status == "healthy"


@pytest.mark.parametrize("error", [DOWN, BadProviderAnswer("it begins 'SECRET'")])
def test_a_providers_words_are_shown_to_nobody_else(world: World, error: QuorumError) -> None:
    world.calls(20, error)
    world.vitals.checked("lab", 0.1, error)
    assert "SECRET" not in f"{world.verdict()} {world.vitals.of('lab')}"
    assert error.code in str(world.vitals.of("lab").last)


class Watched:
    """A monitor of one provider whose verdicts a test gives."""

    def __init__(self, database: Any) -> None:
        self.time = 0.0
        self.now = Look("lab", Verdict("healthy"))
        self.monitor = Monitor(self.look, Outbox(), database, lambda: self.time)

    async def look(self) -> list[Look]:
        return [self.now]

    async def after(self, seconds: float, verdict: str, left: float | None = None) -> list[str]:
        """The alerts that come at looks every two seconds."""
        cause = {"healthy": None, "unhealthy": "down", "degraded": "errors"}[verdict]
        self.now = Look("lab", Verdict(verdict, "why", cause), left)  # pyright: ignore[reportArgumentType] - words of a table
        kinds: list[str] = []
        until = self.time + seconds
        while self.time < until:
            kinds += [alert.kind for alert in await self.monitor.look()]
            self.time += 2.0
        return kinds


async def test_an_outage_is_told_once_and_its_end_when_it_lasts(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database:
        watched = Watched(database)
        assert await watched.after(10, "healthy") == []
        assert await watched.after(10, "degraded") == ["provider.errors"]
        assert await watched.after(600, "unhealthy") == ["provider.down"]
        assert await watched.after(20, "degraded") == []
        assert await watched.after(HOLD_SECONDS - 10, "healthy") == []
        assert await watched.after(20, "healthy") == ["provider.recovered"]


async def test_a_provider_that_comes_and_goes_is_not_told_of_each_time(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database:
        watched, kinds = Watched(database), list[str]()
        for _ in range(100):
            kinds += await watched.after(20, "unhealthy")
            kinds += await watched.after(40, "healthy")
        assert kinds == ["provider.down"]
        for _ in range(30):  # slower than the first hold, so that it is told, but ever more rarely
            kinds += await watched.after(20, "unhealthy")
            kinds += await watched.after(100, "healthy")
        assert len(kinds) <= 8
        kinds += await watched.after(4000, "healthy")
        assert kinds[-1] == "provider.recovered"


async def test_several_servers_tell_once(store: Store) -> None:
    async with store.opened() as one, store.opened() as two:
        first, second = Watched(one), Watched(two)
        assert await first.after(4, "unhealthy") == ["provider.down"]
        assert await second.after(4, "unhealthy") == []
        told = await first.after(HOLD_SECONDS + 4, "healthy") + await second.after(
            HOLD_SECONDS + 4, "healthy"
        )
        assert told == ["provider.recovered"]


async def test_a_limit_that_stays_nearly_used_up(sqlite_store: Store) -> None:
    async with sqlite_store.opened() as database:
        watched = Watched(database)
        assert await watched.after(NEAR_SECONDS - 10, "healthy", 0.0) == []
        assert await watched.after(10, "healthy", 0.9) == []  # a burst, and over
        assert await watched.after(NEAR_SECONDS + 600, "healthy", 0.05) == ["quota.near"]
        assert await watched.after(60, "healthy", 0.3) == []
        assert await watched.after(600, "healthy", 0.05) == []


async def test_an_alert_waits_for_the_database(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    async with sqlite_store.opened() as database:
        watched = Watched(database)
        async with sqlite_store.locked():
            with pytest.raises(StoreUnavailable):
                await watched.after(2, "unhealthy")
        assert await watched.after(2, "unhealthy") == ["provider.down"]
