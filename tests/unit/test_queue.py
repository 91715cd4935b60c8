"""The queue of a provider: who is next, what is refused, and that no place is lost or given twice."""

import asyncio
import random
import time
from collections.abc import Iterable

import pytest

from quorum_mcp.calls.call import Call
from quorum_mcp.calls.queue import Queue
from quorum_mcp.calls.queue.line import Line, Waiter
from quorum_mcp.errors import DeadlineExceeded, QueueFull
from quorum_mcp.messages import ModelRequest, message

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]


def call(tenant: str = "local", *, priority: int = 0, seconds: float = 30.0) -> Call:
    request = ModelRequest("", (message("user", "Hello."),))
    return Call(
        model="lab/a", request=request, deadline=time.monotonic() + seconds, tenant=tenant, priority=priority
    )


class World:
    """Calls that hold their places until they are told to end, in the order in which they got them."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.served: list[str] = []
        self.most = 0
        self.ends: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, name: str, given: Call) -> "asyncio.Task[None]":
        """Begin a call, which waits or holds a place when this returns."""
        task = asyncio.create_task(self._hold(name, given))
        self._tasks.append(task)
        await asyncio.sleep(0)
        return task

    async def end(self, name: str) -> None:
        """The call gives its place back, and whoever is next has it when this returns."""
        self.ends[name].set()
        for _ in range(4):
            await asyncio.sleep(0)

    async def order(self, names: Iterable[str]) -> list[str]:
        """End calls one after another, in the order in which they are served."""
        wanted = list(names)
        while len(self.served) < len(wanted) or self.queue.waiting:
            await self.end(next(name for name in self.served if not self.ends[name].is_set()))
        return self.served

    async def close(self) -> None:
        for end in self.ends.values():
            end.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self, name: str, given: Call) -> None:
        end = self.ends[name] = asyncio.Event()
        async with self.queue.slot(given):
            self.served.append(name)
            self.most = max(self.most, self.queue.state().taken)
            await end.wait()


async def test_a_free_place_is_taken_at_once_and_a_wait_is_measured() -> None:
    queue = Queue("lab", 1)
    async with queue.slot(call()) as waited:
        assert waited == 0.0
        waiting = asyncio.create_task(queue.enter(given := call()))
        await asyncio.sleep(0.05)
        assert (queue.state().taken, queue.waiting) == (1, 1)
    assert await waiting >= 0.045
    queue.leave(given, 0.0)
    assert (queue.state().taken, queue.waiting, queue.state().waited) == (0, 0, 1)
    assert queue.state().waited_seconds >= 0.045


async def test_a_higher_priority_goes_first_and_within_one_who_came_first() -> None:
    world = World(Queue("lab", 1))
    for name, priority in (("holds", 0), ("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", -1)):
        await world.send(name, call(priority=priority))
    assert await world.order(["h", "a", "b", "c", "d", "e"]) == ["holds", "b", "d", "a", "c", "e"]
    await world.close()


async def test_a_thousand_calls_of_one_tenant_do_not_hold_up_anothers_first() -> None:
    world = World(Queue("lab", 2, bound=2_000))
    for n in range(1_000):
        await world.send(f"a{n}", call("a"))
    for n in range(10):
        await world.send(f"b{n}", call("b"))
    assert world.served == ["a0", "a1"]
    await world.end("a0")
    assert world.served[-1] == "b0"
    # A tenant of long calls keeps one place, not both: b's short ones go on beside them.
    for n in range(9):
        await world.end(f"b{n}")
        assert world.served[-1] == f"b{n + 1}"
    await world.end("b9")
    assert world.served[-1] == "a2"
    await world.close()


async def test_three_tenants_get_equal_shares() -> None:
    world = World(Queue("lab", 3))
    for n in range(30):
        await world.send(f"a{n}", call("a"))
    for n in range(30):
        await world.send(f"b{n}", call("b"))
        await world.send(f"c{n}", call("c"))
    for name in [*world.served]:
        await world.end(name)
    for _ in range(20):
        await world.end(next(name for name in world.served if not world.ends[name].is_set()))
    shares = [sum(name.startswith(tenant) for name in world.served[3:]) for tenant in "abc"]
    assert max(shares) - min(shares) <= 1, shares
    await world.close()


async def test_full_is_refused_at_once_and_says_when_to_come_back() -> None:
    queue = Queue("lab", 1, bound=2)
    world = World(queue)
    for name in ("holds", "a", "b"):
        await world.send(name, call())
    with pytest.raises(QueueFull) as refused:
        async with queue.slot(call()):
            raise AssertionError("there was room")
    assert refused.value.retry_after == 1.0
    assert "limits.queue" in (refused.value.hint or "")
    # Another tenant has its own part of the bound, and no more than that.
    await world.send("other", call("other"))
    assert queue.waiting == 3
    with pytest.raises(QueueFull):
        await queue.enter(call("other"))
    await world.close()
    assert (queue.state().taken, queue.waiting) == (0, 0)


async def test_retry_after_follows_how_long_calls_take() -> None:
    queue = Queue("lab", 2, bound=10)
    for _ in range(20):
        await queue.enter(given := call())
        queue.leave(given, 4.0)
    world = World(queue)
    for n in range(12):
        await world.send(str(n), call())
    with pytest.raises(QueueFull) as refused:
        await queue.enter(call())
    assert refused.value.retry_after == 10.0  # half of ten calls of 4 s, two at once
    await world.close()


async def test_a_bound_of_zero_lets_nobody_wait() -> None:
    queue = Queue("lab", 1, bound=0)
    async with queue.slot(call()):
        with pytest.raises(QueueFull):
            await queue.enter(call("other"))
    assert queue.state().taken == 0


async def test_a_waiter_leaves_at_its_deadline() -> None:
    queue = Queue("lab", 1)
    async with queue.slot(call()):
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="no place for a call to lab"):
            await queue.enter(call(seconds=0.1))
        assert 0.09 <= time.monotonic() - began < 3
        assert queue.waiting == 0
    assert queue.state().taken == 0


async def test_a_deadline_that_cannot_be_met_is_refused_early() -> None:
    queue = Queue("lab", 1)
    for _ in range(10):
        await queue.enter(given := call())
        queue.leave(given, 20.0)
    world = World(queue)
    for n in range(4):
        await world.send(str(n), call(seconds=200))
    began = time.monotonic()
    with pytest.raises(QueueFull, match="take about 60 s") as refused:
        await queue.enter(call(seconds=10))
    assert refused.value.retry_after == 60
    assert time.monotonic() - began < 2
    # One that goes ahead of them is not.
    first = await world.send("first", call(seconds=10, priority=1))
    assert not first.done()
    await world.end("0")
    assert world.served[-1] == "first"
    await world.close()


async def test_a_cancelled_waiter_and_a_place_in_the_same_moment() -> None:
    queue = Queue("lab", 1)
    await queue.enter(holder := call())
    waiting = asyncio.create_task(queue.enter(call()))
    await asyncio.sleep(0)
    queue.leave(holder, 0.0)  # the place is the waiter's now
    waiting.cancel()  # before it could take it
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    assert (queue.state().taken, queue.waiting) == (0, 0)


async def test_no_place_is_lost_or_given_twice_whatever_happens() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(6):
        places = chance.randint(1, 4)
        queue = Queue("lab", places, bound=chance.choice((0, 3, 50)))
        holding = served = 0
        tasks: list[asyncio.Task[None]] = []

        async def one(
            tenant: str, priority: int, seconds: float, held: float,
            queue: Queue = queue, tasks: list[asyncio.Task[None]] = tasks,
        ) -> None:  # fmt: skip
            nonlocal holding, served
            async with queue.slot(call(tenant, priority=priority, seconds=seconds)):
                holding += 1
                served += 1
                try:
                    assert holding <= queue.places, f"seed {seed}"
                    await asyncio.sleep(held)
                finally:
                    holding -= 1
            if chance.random() < 0.5:
                chance.choice(tasks[-6:]).cancel()  # in the moment in which a waiter was given the place

        for _ in range(150):
            tenant, priority = chance.choice("aaaabc"), chance.choice((0, 0, 0, 1, 2))
            left, held = chance.choice((0.001, 0.005, 5.0)), chance.choice((0.0, 0.0, 0.001, 0.003))
            tasks.append(asyncio.create_task(one(tenant, priority, left, held)))
            if chance.random() < 0.3:
                chance.choice(tasks).cancel()
            if chance.random() < 0.3:
                await asyncio.sleep(chance.choice((0, 0, 0.001)))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        strange = [
            r
            for r in results
            if not isinstance(r, None | QueueFull | DeadlineExceeded | asyncio.CancelledError)
        ]
        assert not strange, f"seed {seed}: {strange}"
        state = queue.state()
        assert (holding, state.taken, state.waiting) == (0, 0, 0), f"seed {seed}"
        assert served > 0
        for _ in range(places):  # every place is still there
            await asyncio.wait_for(queue.enter(call()), 1)
        assert queue.state().taken == places


async def test_the_line_serves_in_the_order_of_the_rule() -> None:
    """Against the rule itself, written as a search over everyone: priority, fewest places, longest not served."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    line = Line()
    waiting: list[Waiter] = []
    places = dict.fromkeys("abcd", 0)
    turns: dict[tuple[str, int], int] = {}
    for clock in range(4_000):
        match chance.choice(("join", "join", "leave", "next", "next", "end")):
            case "join":
                waiter = Waiter(chance.choice("aaabcd"), chance.randint(0, 2), loop.create_future())
                if not any((w.tenant, w.priority) == (waiter.tenant, waiter.priority) for w in waiting):
                    turns[waiter.tenant, waiter.priority] = clock
                waiting.append(waiter)
                line.join(waiter)
            case "leave" if waiting:
                waiter = waiting.pop(chance.randrange(len(waiting)))
                line.leave(waiter)
                line.leave(waiter)
            case "next":
                expected = min(
                    waiting,
                    key=lambda w: (
                        -w.priority,
                        places[w.tenant],
                        turns[w.tenant, w.priority],
                        waiting.index(w),
                    ),
                    default=None,
                )
                assert line.next() is expected, f"seed {seed}"
                if expected is not None:
                    waiting.remove(expected)
                    turns[expected.tenant, expected.priority] = clock
                    places[expected.tenant] += 1
                    line.took(expected.tenant)
            case "end" if any(places.values()):
                tenant = chance.choice([t for t in places if places[t]])
                places[tenant] -= 1
                line.left(tenant)
            case _:
                pass
        assert line.length == len(waiting)
        assert line.tenants == len({w.tenant for w in waiting})
        assert len(line._heap) <= 64 + 2 * len({(w.tenant, w.priority) for w in waiting}) + 1
