"""One round of a deliberation: seats asked side by side, none of whom can hold up the others."""

import asyncio
import time
from collections.abc import Callable, Sequence

from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.plan import Seat
from quorum_mcp.consensus.reply import Reply, Role
from quorum_mcp.messages import Message


class Round:
    """Asks seats and collects their replies; what has not come when the round closes is given up."""

    def __init__(self, table: Deliberation, number: int, role: Role) -> None:
        self.table = table
        self.number = number
        self.role: Role = role
        self.asked: list[Seat] = []
        self.replies: list[Reply] = []
        self._open: dict[asyncio.Task[Reply], str] = {}

    @property
    def done(self) -> bool:
        """Whether every asked seat has replied."""
        return not self._open

    @property
    def late(self) -> bool:
        """Whether an open seat is in trouble already: its first attempt failed."""
        return any(self.table.troubled(key) for key in self._open.values())

    @property
    def open_are_late(self) -> bool:
        """Whether every open seat is in trouble."""
        return all(self.table.troubled(key) for key in self._open.values())

    def ask(
        self, seats: Sequence[Seat], messages: Callable[[Seat], tuple[Message, ...]], deadline: float
    ) -> None:
        """Start asking `seats`; each gets its own messages."""
        for seat in seats:
            self.asked.append(seat)
            base = seat_reply(self.table, self.role, self.number, seat)
            task = asyncio.create_task(self.table.ask(base, seat.model, messages(seat), deadline))
            self._open[task] = base.key

    async def wait(self, until: float, *, enough: Callable[[], bool] | None = None) -> None:
        """Collect replies until all are there, `until` (monotonic) has come, or `enough` says so."""
        while self._open:
            if enough is not None and enough():
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            trouble = asyncio.create_task(self.table.on_trouble.wait())
            await asyncio.wait({*self._open, trouble}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            trouble.cancel()
            self.table.on_trouble.clear()
            self._collect()

    async def close(self) -> list[Reply]:
        """Give up what is still open; the replies in seat order."""
        for key in self._open.values():
            self.table.give_up(key)
        if self._open:
            await asyncio.wait(self._open)
            self._collect()
        self.replies.sort(key=lambda reply: reply.seat if reply.seat is not None else -1)
        return self.replies

    async def abort(self) -> None:
        """The run was cancelled: stop every open call."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _collect(self) -> None:
        for task in [task for task in self._open if task.done()]:
            del self._open[task]
            self.replies.append(task.result())


async def hold(
    table: Deliberation,
    number: int,
    role: Role,
    seats: Sequence[Seat],
    messages: Callable[[Seat], tuple[Message, ...]],
    until: float,
) -> list[Reply]:
    """Hold a whole round: ask `seats` side by side and return what came by `until`, in seat order."""
    table.run.note("round.started", {"round": number, "role": role, "seats": [seat.index for seat in seats]})
    asking = Round(table, number, role)
    try:
        asking.ask(seats, messages, until)
        await asking.wait(until)
    except BaseException:
        await asking.abort()
        raise
    return await asking.close()


def seat_reply(table: Deliberation, role: Role, number: int, seat: Seat) -> Reply:
    """The empty reply of a seat in a round, to be filled by asking it."""
    provider, _, model = seat.model.partition("/")
    return Reply(
        key=table.key(role, number, f"s{seat.index}"),
        seat=seat.index,
        member=seat.member,
        provider=provider,
        model=model,
        round=number,
        role=role,
        status="failed",
        simulated=seat.simulated,
    )
