"""LISTEN and NOTIFY: which run has which event, or is asked something, told to other processes.

What it is about is in the tables; a notification holds only the run and a number, 0 for a request. One connection
of the process, made when it is first needed, tells and hears. Telling has a transaction of its own after the
events are stored, for many runs at once: NOTIFY takes a lock of the whole server until its transaction ends, and
the writes of runs must not queue for that.

A signal may be lost, with the connection or on a wire that swallows: so nobody waits for one longer than
`LISTENING_SECONDS` before looking. Something between here and the server that hands its connections round, as
pgbouncer does in its transaction mode, loses them all.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Container, Iterable
from typing import Any, Literal

from quorum_mcp.store.postgres_errors import DATABASE_ERRORS

CHANNEL = "quorum_runs"
TELL_SECONDS = 0.02
"""What happens in this time is told together."""
LISTENING_SECONDS = 1.0
"""How long to wait for a signal that may have been lost before looking anyway."""
AWAY_SECONDS = 1.0
"""For which a server that could not be reached is not tried again."""
PROBE_SECONDS = 15.0
"""How often to ask whether the connection still leads anywhere: a dead one may look as if nothing was told."""
CLOSE_SECONDS = 1.0
PAYLOAD = 7_900
"""Bytes that one notification can carry."""
REMEMBERED = 10_000
"""Runs whose last number is kept."""
REQUEST = 0
"""The number that says: something is asked of the run."""

_NOTIFY = f"SELECT pg_notify('{CHANNEL}', $1)"
Told = asyncio.Future[None]
"""Done when something was heard."""


class PostgresSignals:
    """Implements `store.signals.Signals`."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._raw: Any = None
        self._using = asyncio.Lock()
        self._away_until = 0.0
        self._probe_at = 0.0
        self._closed = False
        self._events: dict[str, int] = {}
        self._requests: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        self._heard: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, set[Told]] = {}
        self._owners: dict[Told, Container[str]] = {}

    def tell(self, run_id: str, seq: int) -> None:
        """Tell other processes soon of an event."""
        self._events[run_id] = max(seq, self._events.get(run_id, 0))
        self._soon()

    def ask(self, run_id: str) -> None:
        """Tell the run's owner soon of a request."""
        self._requests.add(run_id)
        self._soon()

    def last(self, run_id: str) -> int:
        """The number of the last event that was told of; 0 where nothing was."""
        return self._heard.get(run_id, 0)

    async def news(self, run_id: str, after: int, seconds: float) -> None:
        """Return when the run has an event numbered above `after`, or after a while."""
        listening = await self._listening()
        if listening == "no":
            await asyncio.sleep(seconds)
        if listening != "yes" or self.last(run_id) > after:
            return  # Told before this side listened, perhaps: look first.
        told: Told = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, set()).add(told)
        try:
            await asyncio.wait({told}, timeout=max(seconds, LISTENING_SECONDS))
        finally:
            self._waiting[run_id].discard(told)
            if not self._waiting[run_id]:
                del self._waiting[run_id]

    async def asked(self, run_ids: Container[str], seconds: float) -> None:
        """Return when something is asked of one of the runs, or after `seconds`."""
        told: Told = asyncio.get_running_loop().create_future()
        self._owners[told] = run_ids
        try:
            if await self._listening() == "no":
                await asyncio.sleep(seconds)
            else:
                await asyncio.wait({told}, timeout=seconds)
        finally:
            del self._owners[told]

    async def close(self) -> None:
        """Tell what is left, then disconnect."""
        self._closed = True
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=CLOSE_SECONDS)
            self._telling.cancel()
        if self._raw is not None:
            try:
                await self._raw.close(timeout=CLOSE_SECONDS)
            except DATABASE_ERRORS:
                self._raw.terminate()

    def _soon(self) -> None:
        if not self._closed and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell(), name="signals")

    async def _tell(self) -> None:
        while self._events or self._requests:
            await asyncio.sleep(TELL_SECONDS)
            news = [*self._events.items(), *((run_id, REQUEST) for run_id in self._requests)]
            self._events, self._requests = {}, set()
            if await self._listening() == "no":
                return  # Whoever waits looks by itself now and then.
            async with self._using:
                try:
                    for payload in payloads(news):
                        await self._raw.execute(_NOTIFY, payload, timeout=LISTENING_SECONDS)
                except DATABASE_ERRORS:
                    self._raw.terminate()
                    return

    async def _listening(self) -> Literal["no", "now", "yes"]:
        """Whether signals are heard: not, from now on, or for some time already."""
        async with self._using:
            if self._raw is not None and not self._raw.is_closed() and await self._leads_somewhere():
                return "yes"
            if self._closed or time.monotonic() < self._away_until:
                return "no"
            try:
                self._raw = await self._connect()
                await self._raw.add_listener(CHANNEL, self._hear)
            except (*DATABASE_ERRORS, ValueError):
                self._away_until = time.monotonic() + AWAY_SECONDS
                return "no"
            self._raw.add_termination_listener(self._lost)
            self._probe_at = time.monotonic() + PROBE_SECONDS
            return "now"

    async def _leads_somewhere(self) -> bool:
        if time.monotonic() < self._probe_at:
            return True
        self._probe_at = time.monotonic() + PROBE_SECONDS
        try:
            await self._raw.execute("SELECT 1", timeout=LISTENING_SECONDS)
        except DATABASE_ERRORS:
            self._raw.terminate()
            return False
        return True

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for pair in str(payload).split():
            run_id, _, number = pair.partition(":")
            if int(number) == REQUEST:
                _wake(told for told, run_ids in self._owners.items() if run_id in run_ids)
            else:
                self._heard[run_id] = max(int(number), self._heard.pop(run_id, 0))
                _wake(self._waiting.get(run_id, ()))
        while len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)

    def _lost(self, _connection: object) -> None:
        """All look by themselves: what was told meanwhile has not been heard."""
        for waiting in self._waiting.values():
            _wake(waiting)
        _wake(self._owners)


def _wake(waiting: Iterable[Told]) -> None:
    for told in waiting:
        if not told.done():
            told.set_result(None)


def payloads(news: Iterable[tuple[str, int]]) -> list[str]:
    """The news in as few pieces as notifications can carry."""
    found = [""]
    for run_id, number in news:
        pair = f"{run_id}:{number}"
        if len(found[-1]) + len(pair) + 1 > PAYLOAD:
            found.append("")
        found[-1] += f" {pair}"
    return found
