"""The circuit breaker, with a clock of the test's own: what opens it, who may try, what closes it."""

import asyncio
import random
from contextlib import ExitStack, suppress

import pytest

from quorum_mcp.calls.breaker import GROWTH, MOST_OPEN_SECONDS, OPEN_SECONDS, PATIENCE_SECONDS, Breaker
from quorum_mcp.errors import (
    BudgetExceeded,
    ContentFiltered,
    DeadlineExceeded,
    ProviderAuth,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
    QuorumError,
)

pytestmark = pytest.mark.anyio
DOWN = ProviderUnavailable("HTTP 503", provider="lab", model="a")


class Never(Exception):
    """Raised by nobody."""


class World:
    """A breaker whose time passes when the test says so, and whose jitter is in the middle."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.breaker = Breaker(lambda: self.time, lambda: 0.5)

    def call(self, error: BaseException | None = None, seconds: float = 0.0) -> str:
        """One call that ends so; how it was let through."""
        passing = self.breaker.admit("lab/a")
        noted = str(passing)
        with ExitStack() as stack:
            stack.enter_context(suppress(type(error) if error else Never))
            stack.enter_context(passing)
            passing.leaves()
            self.time += seconds
            if error is not None:
                raise error
        return noted

    def opened(self, error: ProviderError = DOWN) -> "World":
        for _ in range(5):
            self.call(error, PATIENCE_SECONDS)
        assert self.refused().details["breaker"] == "open"
        return self

    def refused(self) -> QuorumError:
        assert self.breaker.refuses("lab/a")
        with pytest.raises(ProviderError) as caught:
            self.breaker.admit("lab/a")
        return caught.value

    @property
    def state(self) -> str:
        return self.breaker.state("lab")


@pytest.fixture
def world() -> World:
    return World()


def test_failures_in_a_row_open_it(world: World) -> None:
    for _ in range(4):
        world.call(DOWN)
    world.call()  # one success, and the row begins anew
    for _ in range(4):
        world.call(DOWN)
    assert world.state == "closed"
    world.call(DOWN)
    refused = world.refused()
    assert isinstance(refused, ProviderUnavailable)
    assert "5 failures in a row" in refused.message
    assert refused.retry_after == pytest.approx(OPEN_SECONDS)
    (view,) = world.breaker.views("lab")
    assert (view.model, view.state, view.reason) == ("a", "open", "5 failures in a row")


def test_most_of_the_last_calls_failing_opens_it(world: World) -> None:
    calls = 0
    while not world.breaker.refuses("lab/a"):
        calls += 1
        world.call(DOWN if calls % 4 else None)
    assert calls <= 21
    assert "of the last" in world.refused().message


def test_one_in_five_failing_by_chance_does_not(world: World) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(20):
        world.call()
    for _ in range(5000):  # in which there is a row of five as good as always
        world.call(DOWN if chance.random() < 0.2 else None, 0.5)
        assert world.state == "closed"


def test_a_busy_model_that_goes_down_is_noticed_soon(world: World) -> None:
    for n in range(100):
        world.call(DOWN if n % 5 == 0 else None)
    calls = 0
    while not world.breaker.refuses("lab/a"):
        calls += 1
        world.call(DOWN)
    assert calls <= 20


@pytest.mark.parametrize(
    "error",
    [
        ProviderRateLimited("slow down", retry_after=30.0),
        ContentFiltered("no"),
        BudgetExceeded("no money"),
        DeadlineExceeded("late"),
        asyncio.CancelledError(),
        ProviderTimeout("no first byte within 0.5 s"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_models_fault_does_not_count(world: World, error: BaseException) -> None:
    for _ in range(50):
        world.call(error, 0.5)
    assert world.state == "closed"


def test_a_hanging_provider_counts(world: World) -> None:
    world.opened(ProviderTimeout("no first byte within 5 s"))


def test_refused_keys_open_it_sooner(world: World) -> None:
    for _ in range(2):
        world.call(ProviderAuth("HTTP 401"))
    assert isinstance(world.refused(), ProviderAuth)
    world.breaker.close("other")
    world.breaker.close("la")
    assert world.state == "open"
    world.breaker.close("lab")
    assert world.state == "closed"


async def test_exactly_one_probe_of_fifty_concurrent_calls(world: World) -> None:
    world.opened()
    world.time += OPEN_SECONDS
    assert world.state == "half-open"
    through: list[str] = []

    async def one() -> None:
        with world.breaker.admit("lab/a") as passing:
            through.append(str(passing))
            await asyncio.sleep(0.01)

    results = await asyncio.gather(*(one() for _ in range(50)), return_exceptions=True)
    assert through == ["half-open, this call is the probe"]
    assert sum(isinstance(result, ProviderUnavailable) for result in results) == 49
    assert world.state == "closed"
    assert world.call() == "closed"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit(), BudgetExceeded("no money")])
def test_a_probe_that_says_nothing_lets_the_next_one_try(world: World, error: BaseException) -> None:
    world.opened()
    world.time += OPEN_SECONDS
    assert "probe" in world.call(error)
    assert world.state == "half-open"
    assert "probe" in world.call()
    assert world.state == "closed"


def test_a_probe_that_never_returns_is_replaced(world: World) -> None:
    world.opened()
    world.time += OPEN_SECONDS
    lost = world.breaker.admit("lab/a")
    world.refused()
    world.time += 60
    with world.breaker.admit("lab/a") as second:
        assert second.probe
        with suppress(ProviderUnavailable), lost:
            raise DOWN
        assert world.state == "half-open"  # the lost one has no say any more
    assert world.state == "closed"


def test_an_answer_counts_though_the_caller_reads_no_further(world: World) -> None:
    world.opened()
    world.time += OPEN_SECONDS
    with suppress(GeneratorExit), world.breaker.admit("lab/a") as passing:
        passing.answered()
        raise GeneratorExit
    assert world.state == "closed"


def test_calls_from_before_say_nothing_about_now(world: World) -> None:
    old = [world.breaker.admit("lab/a") for _ in range(2)]
    world.opened()
    with old[0]:
        pass
    assert world.state == "open"
    wait = world.breaker.views("lab")[0].wait
    with suppress(ProviderUnavailable), old[1]:
        raise DOWN
    assert world.breaker.views("lab")[0].wait == wait


def test_it_stays_open_longer_each_time_up_to_a_bound(world: World) -> None:
    world.opened()
    waits: list[float] = []
    for _ in range(8):
        waits.append(world.breaker.views("lab")[0].wait)
        world.time += waits[-1]
        world.call(DOWN)
    assert waits[:3] == pytest.approx([OPEN_SECONDS * GROWTH**n for n in range(3)])
    assert waits[-1] == pytest.approx(MOST_OPEN_SECONDS)


def test_a_long_good_time_is_remembered(world: World) -> None:
    world.opened()
    for pause, expected in ((1.0, GROWTH * OPEN_SECONDS), (MOST_OPEN_SECONDS + 1, OPEN_SECONDS)):
        world.time += world.breaker.views("lab")[0].wait
        world.call()
        world.time += pause
        world.opened()
        assert world.breaker.views("lab")[0].wait == pytest.approx(expected)


def test_waits_of_many_processes_differ() -> None:
    waits: set[float] = set()
    for _ in range(20):
        world = World()
        world.breaker = Breaker(lambda: 1000.0, random.random)
        for _ in range(5):
            world.call(DOWN)
        waits.add(world.breaker.views("lab")[0].wait)
    assert len(waits) > 10
    assert all(0.85 * OPEN_SECONDS < wait < 1.15 * OPEN_SECONDS for wait in waits)


def test_a_provider_that_says_when_is_left_alone_until_then(world: World) -> None:
    world.opened(ProviderUnavailable("HTTP 503", retry_after=300.0))
    assert world.refused().retry_after == pytest.approx(300.0)
    world.time += 299
    world.refused()
    world.time += 1
    assert "probe" in world.call()


def test_a_limit_says_that_the_provider_is_there(world: World) -> None:
    world.opened()
    world.time += OPEN_SECONDS
    world.call(ProviderRateLimited("slow down"))
    assert world.state == "closed"


def test_models_have_circuits_of_their_own_and_not_without_bound(world: World) -> None:
    world.opened()
    for n in range(10_000):
        with world.breaker.admit(f"lab/made-up-{n}"):
            pass
    assert len(world.breaker.views("lab")) < 5000
    world.refused()
